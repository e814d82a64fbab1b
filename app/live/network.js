// One network out of the columns of `app/live/networks.py`: its parts, and its stages of parts.
const PARAMS = 0, MULT_ADDS = 1, ACTIVATIONS = 2; // places among a part's counts

function networkAt(networks, place) {
  if (!networks?.side[place]) return null;
  const parts = networks.parts.map(part => ({
    stage: part.stage,
    times: part.times[place],
    channels: part.channels[place],
    side: part.side[place],
    counts: part.counts.map(column => column[place]),
  })).filter(part => part.times > 0);
  const stages = networks.stages.map((stage, number) => ({
    ...stage,
    number,
    inner: number > 0 && number < networks.stages.length - 1,
    field: stage.receptive_field[place],
    parts: parts.filter(part => part.stage === number),
  }));
  return { title: networks.titles[place], side: networks.side[place], parts, stages };
}

const sum = (parts, count) =>
  parts.reduce((all, part) => all + part.times * part.counts[count], 0);

const length = parts => parts.reduce((all, part) => all + part.times, 0);

// The network in a sentence, in place of its picture.
function told({ title, parts, stages }) {
  const inner = stages.filter(stage => stage.inner);
  const cost = stage => sum(stage.parts, MULT_ADDS);
  const most = inner.reduce((a, b) => (cost(b) > cost(a) ? b : a));
  return `${title} from its stem at ${parts[0].side} pixels a side to its head at `
    + `${parts.at(-1).side}, ${length(inner.flatMap(stage => stage.parts))} blocks. `
    + `Stage ${most.name} takes most of the FLOPs: ${percent(cost(most) / sum(parts, MULT_ADDS))}.`;
}
