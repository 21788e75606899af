#!/usr/bin/env python3
"""A small OpenAI-compatible streaming server around a decoder with random weights, to measure a GPU node with.

The model is `transformers`' Llama with 0.9 billion parameters drawn at random: its words mean nothing, its work is that of
a real decoder. Sequences take turns, one forward pass each, without CUDA graphs: the server needs its CPU thread as much
as its GPU, as eager PyTorch does. `--engine sleep` replaces the model by a fixed delay, to try the rest where no GPU is.

    python3 server.py --port 8000
    python3 server.py --port 8000 --engine sleep

Serves /health, /v1/models, /v1/completions, /v1/chat/completions and /metrics (names as vLLM has them).
"""

import argparse
import collections
import json
import os
import queue
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "random-llama-0.9b"


class SleepEngine:
    """Takes a fixed time for each pass."""

    def __init__(self, milliseconds):
        self.seconds = milliseconds / 1000

    def prefill(self, prompt_tokens):
        time.sleep(self.seconds)
        return 0

    def decode(self, state):
        time.sleep(self.seconds)
        return state


class LlamaEngine:
    """One forward pass for each sequence in turn."""

    VOCABULARY = 32000

    def __init__(self, device):
        import torch
        from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

        self.torch, self.cache = torch, DynamicCache
        config = LlamaConfig(
            vocab_size=self.VOCABULARY,
            hidden_size=2560,
            intermediate_size=10240,
            num_hidden_layers=8,
            num_attention_heads=20,
            num_key_value_heads=4,
            max_position_embeddings=8192,
            torch_dtype=torch.bfloat16,
        )
        torch.manual_seed(1)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.bfloat16)
        with torch.device(device):
            self.model = LlamaForCausalLM(config).eval()
        self.device = device

    def prefill(self, prompt_tokens):
        torch = self.torch
        tokens = torch.randint(self.VOCABULARY, (1, max(prompt_tokens, 1)), device=self.device)
        return self.step(tokens, self.cache())

    def decode(self, state):
        return self.step(*state)

    def step(self, tokens, cache):
        output = self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        token = output.logits[:, -1:].argmax(-1)
        # The token leaves the GPU here, as it must before it can be sent.
        token.item()
        return token, output.past_key_values


class Sequence:
    def __init__(self, prompt_tokens, wanted):
        self.prompt_tokens, self.wanted, self.made = prompt_tokens, wanted, 0
        self.state = None
        self.tokens = queue.Queue()
        self.gone = False


class Scheduler(threading.Thread):
    """New sequences first, then one token for each running one, round after round."""

    def __init__(self, engine, slots):
        super().__init__(daemon=True, name="engine")
        self.engine, self.slots = engine, slots
        self.waiting, self.running = collections.deque(), []
        self.wake = threading.Condition()
        self.counts = collections.Counter()

    def submit(self, sequence):
        with self.wake:
            self.waiting.append(sequence)
            self.wake.notify()

    def run(self):
        while True:
            with self.wake:
                while not self.waiting and not self.running:
                    self.wake.wait()
                new = []
                while self.waiting and len(self.running) + len(new) < self.slots:
                    new.append(self.waiting.popleft())
            for sequence in new:
                sequence.state = self.engine.prefill(sequence.prompt_tokens)
                self.counts["prompt_tokens"] += sequence.prompt_tokens
                self.give(sequence)
            # Not those that have just begun: their first token is out already.
            for sequence in self.running:
                sequence.state = self.engine.decode(sequence.state)
                self.give(sequence)
            self.running += new
            for sequence in self.running:
                if sequence.gone or sequence.made >= sequence.wanted:
                    sequence.state = None
                    sequence.tokens.put(None)
            self.running = [s for s in self.running if not (s.gone or s.made >= s.wanted)]

    def give(self, sequence):
        sequence.made += 1
        self.counts["generation_tokens"] += 1
        sequence.tokens.put(sequence.made)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for each token, and no waiting for acknowledgements.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, body, kind="application/json", status=200):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        scheduler = self.server.scheduler
        if self.path == "/health":
            self.reply("{}")
        elif self.path == "/v1/models":
            self.reply(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}))
        elif self.path == "/metrics":
            lines = [
                "# TYPE vllm:num_requests_running gauge",
                f'vllm:num_requests_running{{model_name="{MODEL}"}} {len(scheduler.running)}',
                "# TYPE vllm:num_requests_waiting gauge",
                f'vllm:num_requests_waiting{{model_name="{MODEL}"}} {len(scheduler.waiting)}',
                "# TYPE vllm:prompt_tokens_total counter",
                f'vllm:prompt_tokens_total{{model_name="{MODEL}"}} {scheduler.counts["prompt_tokens"]}',
                "# TYPE vllm:generation_tokens_total counter",
                f'vllm:generation_tokens_total{{model_name="{MODEL}"}} {scheduler.counts["generation_tokens"]}',
            ]
            self.reply("\n".join(lines) + "\n", "text/plain; version=0.0.4")
        else:
            self.reply('{"error":{"message":"no such path"}}', status=404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        chat = self.path == "/v1/chat/completions"
        if not chat and self.path != "/v1/completions":
            self.reply('{"error":{"message":"no such path"}}', status=404)
            return
        if chat:
            text = " ".join(str(message.get("content", "")) for message in body.get("messages", []))
        else:
            text = str(body.get("prompt", ""))
        # Words stand for tokens: there is no vocabulary to split by.
        sequence = Sequence(max(len(text.split()), 1), int(body.get("max_tokens") or 16))
        self.server.scheduler.submit(sequence)
        if body.get("stream"):
            self.stream(sequence, chat, (body.get("stream_options") or {}))
        else:
            while sequence.tokens.get() is not None:
                pass
            words = " ".join(["word"] * sequence.made)
            choice = {"index": 0, "finish_reason": "length"}
            choice.update({"message": {"role": "assistant", "content": words}} if chat else {"text": words})
            self.reply(json.dumps({"model": MODEL, "choices": [choice], "usage": usage(sequence, sequence.made)}))

    def stream(self, sequence, chat, options):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while (made := sequence.tokens.get()) is not None:
                choice = {"index": 0, "finish_reason": "length" if made == sequence.wanted else None}
                choice.update({"delta": {"content": " word"}} if chat else {"text": " word"})
                event = {"model": MODEL, "choices": [choice]}
                if options.get("continuous_usage_stats"):
                    event["usage"] = usage(sequence, made)
                self.event(json.dumps(event))
            if options.get("include_usage"):
                self.event(json.dumps({"model": MODEL, "choices": [], "usage": usage(sequence, sequence.made)}))
            self.event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            sequence.gone = True
            self.close_connection = True

    def event(self, data):
        data = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def usage(sequence, made):
    return {
        "prompt_tokens": sequence.prompt_tokens,
        "completion_tokens": made,
        "total_tokens": sequence.prompt_tokens + made,
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--engine", choices=["llama", "sleep"], default="llama")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slots", type=int, default=16, help="sequences that take turns")
    parser.add_argument("--sleep-ms", type=float, default=2.0, help="delay of a pass of the engine `sleep`")
    options = parser.parse_args()
    if options.engine == "sleep":
        engine = SleepEngine(options.sleep_ms)
    else:
        engine = LlamaEngine(options.device)
        # Kernels are compiled and memory is taken before anybody waits for it.
        state = engine.prefill(64)
        for _ in range(8):
            state = engine.decode(state)
    # At once: an interpreter that shuts down while its threads hold the GPU takes seconds, and complains.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = Server(("127.0.0.1", options.port), Handler)
    server.scheduler = Scheduler(engine, options.slots)
    server.scheduler.start()
    print(f"http://127.0.0.1:{options.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
