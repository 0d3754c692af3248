"use strict";

// Without this the page is as it was when it was opened: here the figures are looked at anew while somebody sees them.

const EVERY_MS = 10_000;
const live = document.getElementById("live");
const toggle = document.getElementById("updating");
const output = document.querySelector("output[for=updating]");

async function update() {
  if (!toggle.checked || document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const anew = page.getElementById("live");
    if (!answer.ok || answer.redirected || !anew) throw new Error("logged out");
    live.replaceChildren(...anew.childNodes);
    output.value = "";
  } catch (error) {
    toggle.checked = error instanceof TypeError; // a network away for a moment comes back, a session does not
    output.value = toggle.checked ? "The bot cannot be reached." : "Load the page anew.";
  }
}

toggle.closest("[hidden]").hidden = false;
toggle.addEventListener("change", update);
document.addEventListener("visibilitychange", update);
setInterval(update, EVERY_MS);
