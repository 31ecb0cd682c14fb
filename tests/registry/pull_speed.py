"""How fast `pull` is against curl and sha256sum, from a hub on this machine, in one run.

    tests/registry/pull_speed.py --program build/hyprstream [--mega 1024] [--rounds 3]

Every round fetches the same file onto the same disk: curl to a file and then sha256sum (two steps,
as users do it), curl through tee into sha256sum or openssl (side by side; openssl hashes with the
processor's own instructions, coreutils may not), and `pull`, which also syncs, publishes and
catalogues. Prints each one's best and what share of curl's speed `pull` reaches.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mock_hub import MockHub


def serve(size, pipe):
    block = random.Random(1).randbytes(1 << 20)
    with MockHub() as hub:
        commit = hub.add("org/large", {"model.safetensors": block * (size >> 20)})
        pipe.send((hub.url, hub.storage_url, commit))
        pipe.recv()


def timed(command, env=None):
    begin = time.monotonic()
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--mega", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    size = arguments.mega << 20
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(size, theirs))
    server.start()
    url, storage, commit = ours.recv()
    address = f"{storage}/org/large/{commit}/model.safetensors?X-Amz-Signature=secretsignature"
    folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/var/tmp")))
    best = {}

    def note(name, seconds):
        best[name] = min(seconds, best.get(name, seconds))

    try:
        for number in range(arguments.rounds):
            home = folder / str(number)
            home.mkdir()
            env = os.environ | {"HOME": str(home), "XDG_DATA_HOME": str(home),
                                "XDG_CACHE_HOME": str(home), "HF_ENDPOINT": url}
            note("curl, then sha256sum", timed(
                ["bash", "-c", f"curl -s -o {home}/file '{address}' && sha256sum {home}/file"]))
            os.remove(home / "file")
            note("curl | tee | sha256sum", timed(
                ["bash", "-c", f"curl -s '{address}' | tee {home}/file | sha256sum"]))
            os.remove(home / "file")
            note("curl | tee | openssl", timed(
                ["bash", "-c", f"curl -s '{address}' | tee {home}/file | openssl dgst -sha256"]))
            os.remove(home / "file")
            note("curl, sync, sha256sum", timed(
                ["bash", "-c", f"curl -s -o {home}/file '{address}' && sync {home}/file && "
                               f"sha256sum {home}/file"]))
            os.remove(home / "file")
            note("pull", timed([arguments.program, "pull", "org/large"], env))
            shutil.rmtree(home)
    finally:
        ours.send("done")
        server.join()
        shutil.rmtree(folder)
    for name, seconds in best.items():
        print(f"{name:26} {seconds:6.2f} s  {size / seconds / 1e6:7.0f} MB/s  "
              f"pull reaches {100 * seconds / best['pull']:4.0f} %")
    print(f"{size >> 20} MiB, best of {arguments.rounds}, {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
