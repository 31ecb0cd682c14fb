"""The metrics page: its form, and that it counts what happens."""

import re
import unittest

import server
from server import Server

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')


def read(text):
    """{name: {labels: value}}; fails on what Prometheus would not read."""
    families, samples, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split()
            assert current not in families, f"{current} comes twice"
            families[current] = kind
            continue
        found = LINE.match(line)
        assert found, line
        name, labels, value = found.groups()
        base = re.sub("_(bucket|sum|count)$", "", name) if families[current] == "histogram" else name
        assert base == current, f"{name} is outside its family {current}"
        assert (labels or "") not in samples.setdefault(name, {}), line
        samples[name][labels or ""] = float(value)
    assert text.endswith("\n")
    return samples


class MetricsTest(unittest.TestCase):
    def test_counts(self):
        with Server() as running:
            def page():
                status, headers, body = running.request("GET", "/metrics")
                self.assertEqual(status, 200)
                self.assertEqual(headers["content-type"],
                                 "text/plain; version=0.0.4; charset=utf-8")
                return read(body.decode())
            label = 'engine="0",model_name="willowbrook"'
            before = page()
            answer = running.chat("Who is Rosa?", max_tokens=5)
            list(running.events("/v1/chat/completions", {
                "model": "willowbrook", "messages": [{"role": "user", "content": "Who is Tom?"}],
                "stream": True, "max_tokens": 7, "temperature": 0, "ignore_eos": True}))
            running.post("/v1/chat/completions", {"model": "nobody", "messages": []})
            after = page()
            def grown(name, labels=label):
                return after[name][labels] - before[name].get(labels, 0)
            self.assertEqual(grown("vllm:generation_tokens_total"),
                             answer["usage"]["completion_tokens"] + 7)
            self.assertEqual(grown("vllm:e2e_request_latency_seconds_count"), 2)
            self.assertEqual(grown("vllm:time_to_first_token_seconds_count"), 2)
            self.assertEqual(grown("vllm:inter_token_latency_seconds_count"), 4 + 6)
            self.assertEqual(grown("vllm:request_success_total",
                                   label + ',finished_reason="length"'), 2)
            for name, samples in after.items():
                if name.endswith("_count"):
                    last = after[name.replace("_count", "_bucket")]
                    for labels, count in samples.items():
                        joined = labels + "," if labels else ""
                        self.assertEqual(last[joined + 'le="+Inf"'], count)
            self.assertEqual(after["vllm:num_requests_running"][label], 0)
            self.assertEqual(
                after["http_requests_total"]
                ['method="POST",handler="/v1/chat/completions",status="200"'], 2)
            self.assertEqual(
                after["http_requests_total"]
                ['method="POST",handler="/v1/chat/completions",status="404"'], 1)
            self.assertGreater(after["hyprstream_memory_bytes"]['kind="weights"'], 5e6)
            with open(f"/proc/{running.process.pid}/statm", encoding="ascii") as file:
                resident = int(file.read().split()[1]) * 4096
            told = page()["process_resident_memory_bytes"][""]
            self.assertLess(abs(told - resident), 0.05 * resident)


if __name__ == "__main__":
    server.main()
