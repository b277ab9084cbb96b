// The buzzers, heard: each pattern of the device as it would sound. Off until somebody asks for it.

import { ask } from "./api.js";

const PITCH_HZ = 2730; // of a common piezo buzzer
const LOUDNESS = 0.05;
const FOREVER = 0;
const LONGEST_MS = 600000;

const playing = new Map(); // person -> { pattern, oscillator }
let context = null;
let patterns = {};

export function wireSound() {
  const button = document.getElementById("sound");
  button.addEventListener("click", async () => {
    if (context === null) {
      patterns = await ask("/patterns.json");
      context = new AudioContext();
    } else {
      hush();
      await context.close();
      context = null;
    }
    button.setAttribute("aria-pressed", String(context !== null));
    button.textContent = context === null ? "Sound off" : "Sound on";
  });
}

/** Silence, whatever was playing. */
export function hush() {
  for (const { oscillator } of playing.values()) oscillator?.stop();
  playing.clear();
}

/** Somebody's buzzer plays this now; what it played before ends. */
export function sound(person, pattern) {
  if (context === null || playing.get(person)?.pattern === pattern) return;
  playing.get(person)?.oscillator?.stop();
  playing.set(person, { pattern, oscillator: begin(patterns[pattern]) });
}

function begin(pattern) {
  if (!pattern) return null;
  const oscillator = new OscillatorNode(context, { type: "square", frequency: PITCH_HZ });
  const gain = new GainNode(context, { gain: 0 });
  oscillator.connect(gain).connect(context.destination);
  const length = pattern.steps.reduce((sum, [on, off]) => sum + on + off, 0);
  const repeats = pattern.repeats === FOREVER ? Math.ceil(LONGEST_MS / length) : pattern.repeats;
  const end = schedule(gain.gain, pattern.steps, repeats);
  oscillator.start();
  oscillator.stop(end);
  return oscillator;
}

function schedule(gain, steps, repeats) {
  let at = context.currentTime;
  for (let round = 0; round < repeats; round += 1) {
    for (const [on, off] of steps) {
      gain.setValueAtTime(LOUDNESS, at);
      gain.setValueAtTime(0, at + on / 1000);
      at += (on + off) / 1000;
    }
  }
  return at;
}
