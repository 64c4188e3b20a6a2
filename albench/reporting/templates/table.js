"use strict";
/* Sortable tables. Cells are text, never markup. */
(function () {
  function keyOf(cell) {
    var text = cell.textContent.trim();
    if (cell.classList.contains("text")) { return text.toLowerCase(); }
    var value = parseFloat(text.replace("<", ""));
    return Number.isNaN(value) ? null : value;
  }
  function compare(a, b, down) {
    if (a === null || b === null) { return a === b ? 0 : a === null ? 1 : -1; }
    var order = a < b ? -1 : a > b ? 1 : 0;
    return down ? -order : order;
  }
  function sort(table, column, direction) {
    var body = table.tBodies[0];
    var rows = Array.from(body.rows).map(function (row, place) { return [row, place]; });
    rows.sort(function (one, other) {
      var pin = other[0].classList.contains("pinned") - one[0].classList.contains("pinned");
      if (pin) { return pin; }
      return compare(keyOf(one[0].cells[column]), keyOf(other[0].cells[column]), direction === "descending") || one[1] - other[1];
    });
    rows.forEach(function (pair) { body.appendChild(pair[0]); });
    Array.from(table.tHead.rows[0].cells).forEach(function (head, place) {
      if (place === column) { head.setAttribute("aria-sort", direction); } else { head.removeAttribute("aria-sort"); }
    });
  }
  function sortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var first = head.dataset.first || "ascending";
        var second = first === "ascending" ? "descending" : "ascending";
        sort(table, column, now === first ? second : first);
      });
    });
  }
  document.querySelectorAll("table.sortable").forEach(sortable);
}());
