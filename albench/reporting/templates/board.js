/* The first page: filters, search, columns and highlights; the address holds the state. */
(function () {
  const source = document.getElementById("board");
  if (!source) { return; }
  const data = JSON.parse(source.textContent);
  const form = document.querySelector("form.filters"), table = document.getElementById("standings");
  const search = document.getElementById("search"), boxes = document.getElementById("columns");
  const selects = Array.from(form.querySelectorAll("select"));
  const heads = Array.from(table.tHead.rows[0].cells);
  const usual = data.columns.map(function (c) { return c.shown; });
  let shown = usual.slice(), marked = null, sorted = null;

  function place(key) { return selects.find(function (s) { return s.dataset.key === key; }).selectedIndex; }
  function viewKey() { return selects.map(function (s) { return s.selectedIndex; }).join("-"); }
  function made(kind, cls, text) {
    const element = document.createElement(kind);
    if (cls) { element.className = cls; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  }
  function bar(at) {
    const box = made("span", "bar");
    [["zero", at[3], 0], ["range", at[1], at[2] - at[1]], ["dot", at[0], 0]].forEach(function (part) {
      const mark = made("i", part[0]);
      mark.style.left = part[1] + "%";
      if (part[0] === "range") { mark.style.width = part[2].toFixed(1) + "%"; }
      box.appendChild(mark);
    });
    return box;
  }
  function cell(view, row, column) {
    const kind = data.columns[column], text = view.rows[row][column], name = view.names[row];
    const element = made(kind.name === "strategy" ? "th" : "td", "c" + column + (kind.text ? " text" : ""));
    element.hidden = !shown[column];
    if (kind.name === "strategy") {
      element.scope = "row";
      const link = made("a", "", text);
      link.href = data.links[name];
      element.appendChild(link);
      if (name === data.baseline) { element.append(" ", made("small", "", "baseline")); }
      return element;
    }
    const cut = kind.split ? text.indexOf(" ") : -1;
    element.appendChild(made("span", "main", cut < 0 ? text : text.slice(0, cut)));
    if (cut >= 0) { element.append(" ", made("small", "", text.slice(cut + 1))); }
    if (kind.name === "gain" && view.bars[row]) { element.appendChild(bar(view.bars[row])); }
    return element;
  }
  function keyOf(view, row, column) {
    const kind = data.columns[column], text = view.rows[row][column];
    if (kind.text) { return text.toLowerCase(); }
    const value = parseFloat((kind.name === "place" ? text.slice(text.indexOf(" ") + 1) : text).replace("<", ""));
    return Number.isNaN(value) ? null : value;
  }
  function order(view) {
    const rows = view.rows.map(function (_, row) { return row; });
    if (!sorted) { return rows; }
    const down = sorted[1] === "descending";
    return rows.sort(function (one, other) {
      const a = keyOf(view, one, sorted[0]), b = keyOf(view, other, sorted[0]);
      if (a === null || b === null) { return a === b ? one - other : a === null ? 1 : -1; }
      return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1) || one - other;
    });
  }
  function fill(view) {
    const body = table.tBodies[0], wanted = search.value.trim().toLowerCase();
    body.textContent = "";
    order(view).forEach(function (row) {
      if (wanted && view.rows[row][1].toLowerCase().indexOf(wanted) < 0) { return; }
      const line = body.insertRow();
      line.className = view.kinds[row];
      data.columns.forEach(function (_, column) { line.appendChild(cell(view, row, column)); });
    });
    if (!body.rows.length) {
      const empty = body.insertRow().insertCell();
      empty.colSpan = data.columns.length;
      empty.className = "text";
      empty.textContent = view.rows.length ? "No strategy has this in its name." : view.note;
    }
    heads.forEach(function (head, column) {
      head.hidden = !shown[column];
      if (sorted && sorted[0] === column) { head.setAttribute("aria-sort", sorted[1]); } else { head.removeAttribute("aria-sort"); }
    });
    document.getElementById("view-note").textContent = view.note;
    document.getElementById("view-answer").textContent = view.answer;
  }
  function lead(view) {
    return view.names.filter(function (name) { return name !== data.baseline; }).slice(0, data.many);
  }
  function heatRows(view, group) {
    const all = data.heat[[place("model"), place("metric"), place("budget")].join("-")], rows = [], sizes = [];
    Object.keys(all).forEach(function (name) {
      Object.keys(all[name]).forEach(function (dataset) {
        if (group.indexOf(dataset) >= 0) {
          rows.push({ strategy: name, dataset: dataset, gain: all[name][dataset] });
          sizes.push(Math.abs(all[name][dataset]));
        }
      });
    });
    sizes.sort(function (a, b) { return a - b; });
    const limit = sizes[Math.floor(data.shaded * (sizes.length - 1))] || 1;
    rows.forEach(function (row) { row.shade = Math.max(-limit, Math.min(limit, row.gain)); });
    return { rows: rows, limit: limit };
  }
  function charts(view) {
    if (!window.vegaEmbed) { return; }
    const chosen = marked || lead(view), colours = albench.coloured(chosen, data), group = data.members[data.choices[3].options[place("datasets")]];
    albench.chips(document.getElementById("chips"), Object.keys(data.colours).filter(function (name) { return view.names.indexOf(name) >= 0; }), chosen, colours, function (name) { marked = albench.toggled(chosen, name); show(); });
    const share = data.shares[place("budget")];
    const gains = albench.unpacked(data.gains[[place("model"), place("metric"), place("datasets")].join("-")], ["n", "mean", "low", "high"], chosen, colours, data.quiet)
      .filter(function (row) { return row.n <= share + 1e-9; });
    const heat = JSON.parse(JSON.stringify(data.specs.heat));
    const cells = heatRows(view, group);
    heat.encoding.color.scale.domain = [-cells.limit, cells.limit];
    heat.height = data.step * view.names.length;
    heat.encoding.y.sort = view.names;
    heat.encoding.x.sort = group;
    albench.draw(document.getElementById("chart-gains"), data.specs.gains, gains);
    albench.draw(document.getElementById("chart-heat"), heat, cells.rows);
    albench.draw(document.getElementById("chart-price"), data.specs.price, albench.unpacked(data.price[viewKey()], ["seconds", "gain", "low", "high"], chosen, colours, data.quiet));
  }
  function remember() {
    const state = new URLSearchParams();
    selects.forEach(function (s) { if (s.selectedIndex) { state.set(s.dataset.key, s.value); } });
    if (shown.join() !== usual.join()) { state.set("columns", data.columns.filter(function (_, k) { return shown[k]; }).map(function (c) { return c.name; }).join(",")); }
    if (sorted) { state.set("sort", data.columns[sorted[0]].name + "," + sorted[1]); }
    if (search.value) { state.set("search", search.value); }
    if (marked) { state.set("marked", JSON.stringify(marked)); }
    const hash = state.toString();
    if (hash || window.location.hash.indexOf("=") > 0) { window.history.replaceState(null, "", hash ? "#" + hash : window.location.pathname + window.location.search); }
  }
  function names(text) {
    try { const found = JSON.parse(text); return Array.isArray(found) ? found.filter(function (n) { return n in data.colours; }) : null; } catch (error) { return null; }
  }
  function recall() {
    const state = new URLSearchParams(window.location.hash.indexOf("=") > 0 ? window.location.hash.slice(1) : "");
    selects.forEach(function (s) {
      const at = Array.from(s.options).findIndex(function (o) { return o.value === state.get(s.dataset.key); });
      s.selectedIndex = Math.max(0, at);
    });
    const columns = state.get("columns"), sort = (state.get("sort") || "").split(",");
    shown = columns === null ? usual.slice() : data.columns.map(function (c) { return c.name === "strategy" || columns.split(",").indexOf(c.name) >= 0; });
    const by = data.columns.findIndex(function (c) { return c.name === sort[0]; });
    sorted = by >= 0 ? [by, sort[1] === "descending" ? "descending" : "ascending"] : null;
    search.value = state.get("search") || "";
    marked = state.get("marked") ? names(state.get("marked")) : null;
    Array.from(boxes.querySelectorAll("input")).forEach(function (box, k) { box.checked = shown[k]; });
  }
  function tabled() { fill(data.views[viewKey()]); remember(); }
  function show() { tabled(); charts(data.views[viewKey()]); }

  data.columns.forEach(function (column, k) {
    const label = made("label"), box = made("input");
    box.type = "checkbox";
    box.disabled = column.name === "strategy";
    box.addEventListener("change", function (event) { event.stopPropagation(); shown[k] = box.checked; tabled(); });
    label.append(box, " " + column.name);
    boxes.appendChild(label);
  });
  heads.forEach(function (head, column) {
    const button = made("button");
    button.type = "button";
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener("click", function () {
      const first = data.columns[column].first, second = first === "ascending" ? "descending" : "ascending";
      sorted = [column, sorted && sorted[0] === column && sorted[1] === first ? second : first];
      tabled();
    });
  });
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  selects.forEach(function (s) { s.addEventListener("change", show); });
  search.addEventListener("input", tabled);
  window.addEventListener("hashchange", function () { if (window.location.hash.indexOf("=") > 0) { recall(); show(); } });
  recall();
  show();
}());
