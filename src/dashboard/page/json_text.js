// Lays JSON text out for reading without ever making values of it: a number beyond 2^53, a repeated member, the order
// of members and the spelling of a number stay as they were written.

const indentWidth = 2;
const indentLevelsMax = 16; // deeper ones stand there too: a million brackets must not become a million columns
const lineWidth = 72; // what fits here stays on one line
const piecesMax = 4_000; // coloured ones; the rest is plain
const growthMax = 2_097_152; // characters beyond which the text is shown as it is

const tokenPattern =
  /[ \t\n\r]*(?:("[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*")|(-?[0-9][0-9.eE+-]*)|(true|false|null)|([{}[\],:]))/y;
const endPattern = /[ \t\n\r]*$/y;

// Characters that a reader would not see, or that would turn the line around, by their escape, which means the same.
const hidden = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const escaped = (text) => text.replace(hidden, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

function tokensOf(text) {
  const tokens = [];
  let at = 0;
  while (true) {
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(text);
    if (!found) break;
    at = tokenPattern.lastIndex;
    if (found[1] !== undefined) tokens.push({ kind: 'string', text: escaped(found[1]) });
    else if (found[2] !== undefined) tokens.push({ kind: 'number', text: found[2] });
    else if (found[3] !== undefined) tokens.push({ kind: 'word', text: found[3] });
    else tokens.push({ kind: 'sign', text: found[4] });
  }
  endPattern.lastIndex = at;
  return tokens.length > 0 && endPattern.test(text) ? tokens : null;
}

// Notes for each opening bracket where its closing one is and how wide both with all between are on one line; null
// where they do not match, or what stands between is no JSON.
function measure(tokens) {
  const open = [];
  let width = 0;
  for (const [index, token] of tokens.entries()) {
    token.before = width;
    width += token.text.length + (token.text === ',' || token.text === ':' ? 1 : 0);
    if (token.kind !== 'sign') {
      if (index > 0 && tokens[index - 1].kind !== 'sign') return null; // two values with nothing between
      continue;
    }
    if (token.text === '{' || token.text === '[') {
      open.push(index);
    } else if (token.text === '}' || token.text === ']') {
      const opening = tokens[open.pop()];
      if (opening?.text !== (token.text === '}' ? '{' : '[')) return null;
      opening.close = index;
      opening.width = width - opening.before;
    } else if (token.text === ':') {
      if (tokens[index - 1]?.kind !== 'string') return null;
      tokens[index - 1].kind = 'key';
    }
  }
  return open.length === 0 ? tokens : null;
}

// Pieces {kind, text} whose texts, one after the other, are the JSON laid out: kind is key, string, number, word or
// plain. What is no JSON comes back as one plain piece. Time and memory are linear in the text.
export function layOut(text) {
  const asItIs = [{ kind: 'plain', text }];
  const tokens = tokensOf(text);
  if (!tokens || !measure(tokens)) return asItIs;

  const pieces = [];
  let length = 0;
  const put = (kind, part) => {
    length += part.length;
    const last = pieces.at(-1);
    const shown = pieces.length < piecesMax ? kind : 'plain';
    if (last?.kind === 'plain' && shown === 'plain') last.parts.push(part);
    else pieces.push({ kind: shown, parts: [part] });
  };
  let depth = 0;
  const lineBreak = () => put('plain', `\n${' '.repeat(indentWidth * Math.min(depth, indentLevelsMax))}`);
  let inlineUntil = -1;
  for (let index = 0; index < tokens.length; ++index) {
    const token = tokens[index];
    const inline = index <= inlineUntil;
    const isClosing = token.text === '}' || token.text === ']';
    if (token.kind === 'sign' && isClosing && !inline) {
      --depth;
      lineBreak();
    }
    put(token.kind === 'sign' ? 'plain' : token.kind, token.text);
    if (token.kind !== 'sign') continue;
    if (token.text === ':') {
      put('plain', ' ');
    } else if (token.text === ',') {
      if (inline) put('plain', ' ');
      else lineBreak();
    } else if (!isClosing && !inline) {
      if (token.close === index + 1 || token.width <= lineWidth) {
        inlineUntil = token.close;
      } else {
        ++depth;
        lineBreak();
      }
    }
    if (length > text.length + growthMax) return asItIs;
  }
  return pieces.map(({ kind, parts }) => ({ kind, text: parts.join('') }));
}
