"use strict";
/* Charts: drawn by Vega from data on the page. Names are values, never markup or code. */
var albench = (function () {
  const options = { mode: "vega-lite", actions: false, ast: true, renderer: "svg", tooltip: { theme: "custom" } };
  function saved(name, kind, text) {
    const link = document.createElement("a");
    link.download = name + "." + kind.split("/")[1].split("+")[0];
    link.href = text.startsWith("data:") ? text : "data:" + kind + ";charset=utf-8," + encodeURIComponent(text);
    link.click();
  }
  function quoted(value) {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@]/.test(text) ? "'" + text : text;
    return /[",\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  }
  function csv(rows) {
    if (!rows.length) { return ""; }
    const keys = Object.keys(rows[0]).filter(function (key) { return ["marked", "colour", "shade"].indexOf(key) < 0; });
    return [keys].concat(rows.map(function (row) { return keys.map(function (key) { return row[key]; }); }))
      .map(function (line) { return line.map(quoted).join(","); }).join("\n") + "\n";
  }
  function tool(box, text, title, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.title = title;
    button.addEventListener("click", act);
    box.appendChild(button);
  }
  function draw(figure, spec, rows) {
    const plot = figure.querySelector(".plot"), box = figure.querySelector(".tools");
    const full = Object.assign({}, spec, { data: { name: "rows", values: rows } });
    figure.classList.toggle("empty", !rows.length);
    if (figure.drawn) { figure.drawn.finalize(); figure.drawn = null; }
    plot.textContent = rows.length ? "" : "Nothing to draw for this choice.";
    if (!rows.length) { box.hidden = true; return Promise.resolve(); }
    const turn = figure.turn = (figure.turn || 0) + 1;
    return vegaEmbed(plot, full, options).then(function (made) {
      if (turn !== figure.turn) { made.finalize(); return; }
      figure.drawn = made;
      figure.dataset.ready = String(turn);
      box.textContent = "";
      box.hidden = false;
      tool(box, "SVG", "Save this chart as SVG", function () { made.view.toSVG().then(function (text) { saved(figure.id, "image/svg+xml", text); }); });
      tool(box, "PNG", "Save this chart as PNG", function () { made.view.toImageURL("png", 2).then(function (url) { saved(figure.id, "image/png", url); }); });
      tool(box, "CSV", "Save the data of this chart", function () { saved(figure.id, "text/csv", csv(rows)); });
    });
  }
  function coloured(names, data) {
    const used = [], found = {};
    names.forEach(function (name) {
      let colour = data.colours[name];
      if (name !== data.baseline && used.indexOf(colour) >= 0) {
        colour = data.palette.find(function (other) { return used.indexOf(other) < 0; }) || colour;
      }
      used.push(colour);
      found[name] = colour;
    });
    return found;
  }
  function chips(box, names, chosen, colours, toggle) {
    const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.name : undefined;
    box.textContent = "";
    box.hidden = false;
    names.forEach(function (name) {
      const button = document.createElement("button"), on = chosen.indexOf(name) >= 0;
      button.type = "button";
      button.className = "chip";
      button.dataset.name = name;
      button.setAttribute("aria-pressed", String(on));
      if (on) { button.style.setProperty("--own", colours[name]); }
      button.textContent = name;
      button.addEventListener("click", function () { toggle(name); });
      box.appendChild(button);
      if (held === name) { button.focus(); }
    });
  }
  function toggled(chosen, name) {
    return chosen.indexOf(name) >= 0 ? chosen.filter(function (other) { return other !== name; }) : chosen.concat([name]);
  }
  function unpacked(pack, fields, chosen, colours, quiet) {
    const rows = [];
    Object.keys(pack).forEach(function (name) {
      pack[name][0].forEach(function (_, at) {
        const row = { strategy: name };
        fields.forEach(function (field, k) { row[field] = pack[name][k][at]; });
        row.marked = chosen.indexOf(name) >= 0;
        row.colour = colours[name] || quiet;
        rows.push(row);
      });
    });
    return rows;
  }
  function alone(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent), box = document.createElement("div");
    const datasets = Object.keys(data.packs), plot = figure.querySelector(".plot");
    box.className = "chips";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Highlighted strategies");
    let chosen = data.marked, dataset = datasets[0];
    function again() {
      const colours = coloured(chosen, data);
      if (data.names.length > 1) { chips(box, data.names, chosen, colours, function (name) { chosen = toggled(chosen, name); again(); }); }
      draw(figure, data.spec, unpacked(data.packs[dataset], data.fields, chosen, colours, data.quiet));
    }
    if (datasets.length > 1) {
      const label = document.createElement("label"), select = document.createElement("select");
      label.className = "which";
      label.append("Dataset ", select);
      datasets.forEach(function (name) { select.add(new Option(name, name)); });
      select.addEventListener("change", function () { dataset = datasets[select.selectedIndex]; again(); });
      figure.insertBefore(label, plot);
    }
    figure.insertBefore(box, plot);
    again();
  }
  if (window.vegaEmbed) {
    const waiting = Array.from(document.querySelectorAll("figure.chart")).filter(function (figure) { return figure.querySelector("script"); });
    const seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) { if (entry.isIntersecting) { seen.unobserve(entry.target); alone(entry.target); } });
    }, { rootMargin: "600px" });
    waiting.forEach(function (figure) { seen.observe(figure); });
    window.addEventListener("beforeprint", function () { waiting.forEach(function (figure) { if (!figure.drawn) { seen.unobserve(figure); alone(figure); } }); });
  }
  return { draw: draw, chips: chips, coloured: coloured, toggled: toggled, unpacked: unpacked };
}());
