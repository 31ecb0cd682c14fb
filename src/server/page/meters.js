// Memory and speed, from the page that Prometheus reads.
import {getText} from "./api.js";
import {find} from "./dom.js";

const EVERY = 2000;  // ms

/** The sum of a family's samples; nothing when it is not there. */
export function sumOf(page, family) {
  let sum = null;
  for (const line of page.split("\n")) {
    const next = line[family.length];
    if (line.startsWith(family) && (next === " " || next === "{")) {
      sum = (sum ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1));
    }
  }
  return sum;
}

function asBytes(bytes) {
  if (bytes === null) return "–";
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

export function watchMeters() {
  let before = {count: 0, seconds: 0};
  let speed = "–";
  const look = async () => {
    try {
      const page = await getText("/metrics");
      const count = sumOf(page, "vllm:inter_token_latency_seconds_count");
      const seconds = sumOf(page, "vllm:inter_token_latency_seconds_sum");
      // While nobody asks, the last speed stands: zero would say nothing about the machine.
      if (count > before.count && seconds > before.seconds) {
        speed = ((count - before.count) / (seconds - before.seconds)).toFixed(0);
      }
      before = {count, seconds};
      find("meter-speed").textContent = speed;
      find("meter-tokens").textContent = `${sumOf(page, "vllm:generation_tokens_total")}`;
      find("meter-running").textContent = `${sumOf(page, "vllm:num_requests_running")}`;
      find("meter-memory").textContent = asBytes(sumOf(page, "process_resident_memory_bytes"));
    } catch {
      find("meter-running").textContent = "–";
    }
    setTimeout(look, document.hidden ? 5 * EVERY : EVERY);
  };
  look();
}
