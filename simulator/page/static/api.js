// Speaks to the simulator. What was done in one order arrives in that order.

let last = Promise.resolve();

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.detail ? JSON.stringify(said.detail) : `${path}: ${answer.status}`);
  }
}

/** Does it beside everything else; says so when it fails. */
export function tell(path, body) {
  return post(path, body).catch(complain);
}

/** Does it after everything that was told in order before. */
export function tellInOrder(path, body) {
  last = last.then(() => tell(path, body));
  return last;
}

export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

let timer;

function complain(error) {
  const place = document.getElementById("notice");
  place.textContent = error.message;
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (place.hidden = true), 8000);
}
