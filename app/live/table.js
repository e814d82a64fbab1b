// The stage table, as table 1 of the paper, with costs.
const SHARE = "Share of FLOPs";
const COLUMNS = ["Stage", "Operator", "Input", "Channels", "Blocks", "Receptive field",
  "Parameters", "FLOPs", SHARE, "Activations", "Stride"];

function tableRows({ side, parts, stages }) {
  const total = sum(parts, MULT_ADDS);
  return stages.map((stage, i) => {
    const input = stages[i - 1]?.parts.at(-1).side ?? side;
    const [params, multAdds, activations] = [PARAMS, MULT_ADDS, ACTIVATIONS]
      .map(place => sum(stage.parts, place));
    return [stage.name, stage.operator, `${input}²`, `${stage.parts.at(-1).channels}`,
      `${length(stage.parts)}`, `${stage.field}`, count(params), count(multAdds),
      multAdds / total, count(activations), `${stage.stride}`];
  });
}

function drawTable(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] ?? newRow(body);
    cells.forEach((value, j) => {
      const share = COLUMNS[j] === SHARE, text = share ? percent(value) : value;
      const node = row.cells[j].firstChild;
      if (node.nodeValue !== text) node.nodeValue = text;
      if (share) row.cells[j].querySelector("i").style.width = `${100 * value}%`;
    });
  });
}

function newRow(body) {
  const row = body.insertRow();
  row.innerHTML = COLUMNS.map((name, j) => (j === 0 ? '<th scope="row"> </th>'
    : name === SHARE ? "<td> <span class='share'><i></i></span></td>" : "<td> </td>")).join("");
  return row;
}
