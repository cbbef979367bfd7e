#!/bin/sh
# Resolve the container's two locks, holding every package to the version of the repository's own lock.
set -eu
cd "$(dirname "$0")/../.."
UV=${UV:-.venv/bin/uv}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# The repository's lock without its hashes and without its TensorFlow: the flavours bring their own.
grep -v '^tensorflow==' requirements.txt | sed 's/ *\\$//; /^ *--hash/d' > "$work/constraints.txt"

lock() { # flavour, then what it adds
    flavour=$1
    shift
    { cat training_container/requirements.in; printf '%s\n' "$@"; } > "$work/requirements.in"
    "$UV" pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command "training_container/image/lock.sh" \
        --constraint "$work/constraints.txt" "$work/requirements.in" \
        --output-file "training_container/requirements-$flavour.txt"
}

lock cpu "tensorflow-cpu==2.21.0"
# Older cuDNN finds no configuration for some convolutions of TensorFlow 2.21.
lock gpu "tensorflow[and-cuda]==2.21.0" "nvidia-cudnn-cu12>=9.24"
