#!/bin/bash
# Build the container image and try its programs on a machine without a Docker engine, with Debian's tools:
#
#   apt-get install --no-install-recommends buildah podman runc mmdebstrap uidmap
#   training_container/image/build-locally.sh [build|check|run|all] [options]
#
#   build   the base image (a small Debian with Python, once) and the image castline:local
#   check   start each program in the image without network and compare what it does with what it must do
#   run     a program by hand: build-locally.sh run -v "$PWD/ml:/opt/ml" -- train
#   all     build and check (the default)
#
# Settings, from the environment:
#   BASE_IMAGE      an image that is there already, instead of making one from Debian
#   FLAVOUR         cpu (default) or gpu
#   DEBIAN_MIRROR   where Debian comes from; default http://deb.debian.org/debian
#   BUILD_MOUNTS    host:container pairs that the build sees read-only, separated by spaces, for example
#                   "/etc/ssl/certs:/etc/ssl/certs /etc/pip.conf:/etc/pip.conf" behind a company proxy
#   IMAGE_STORE     where images live; default build/image below the repository
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
store=${IMAGE_STORE:-$root/build/image}
flavour=${FLAVOUR:-cpu}
base=${BASE_IMAGE:-}
image=localhost/castline:local

# A store and settings of our own: nothing of the machine's other containers is touched.
configure() {
    mkdir -p "$store"
    # Said explicitly, because the tools' own defaults may lie above what this process may set.
    local files processes
    files=$(ulimit -Hn)
    processes=$(ulimit -Hu)
    if [[ $processes == unlimited || $processes -gt 32768 ]]; then processes=32768; fi
    cat > "$store/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$store/graph"
runroot = "$store/run"
CONF
    cat > "$store/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
CONF
    cat > "$store/policy.json" <<CONF
{"default": [{"type": "insecureAcceptAnything"}]}
CONF
    export CONTAINERS_STORAGE_CONF=$store/storage.conf CONTAINERS_CONF=$store/containers.conf
}

# Debian 12 has Python 3.11; the programs run on 3.11 to 3.13.
make_base() {
    base=localhost/castline-base:bookworm
    if podman image exists "$base"; then return; fi
    echo "== base image from Debian"
    mmdebstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$store/base.tar" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    podman import --quiet "$store/base.tar" "$base"
    rm "$store/base.tar"
}

build() {
    [[ -n $base ]] || make_base
    local mounts=()
    for pair in ${BUILD_MOUNTS:-}; do mounts+=(-v "$pair:ro"); done
    echo "== image, flavour $flavour, on $base"
    # The context holds what CodeBuild gets, and nothing else.
    local context=$store/context
    rm -rf "$context"
    mkdir -p "$context/app"
    cp -r "$root/training_container" "$context/"
    cp -r "$root/app/__init__.py" "$root/app/contracts" "$context/app/"
    find "$context" -name __pycache__ -prune -exec rm -r {} +
    buildah bud --isolation chroot --layers --pull-never "${mounts[@]}" \
        --signature-policy "$store/policy.json" \
        --build-arg "BASE_IMAGE=$base" --build-arg "FLAVOUR=$flavour" \
        -f "$context/training_container/Dockerfile" -t "$image" "$context"
    podman image inspect --format "built $image: {{.Size}} bytes" "$image"
}

in_image() { # podman options -- program and its arguments
    local options=()
    while [[ $# -gt 0 && $1 != -- ]]; do options+=("$1"); shift; done
    shift
    podman run --rm --network none --read-only --tmpfs /tmp "${options[@]}" "$image" "$@"
}

check() {
    rm -rf "$store/work"
    mkdir -p "$store/work"
    in_image --env PYTHONPATH=/opt/castline -v "$store/work:/work" -v "$root/training_container/image:/check:ro" \
        -v "$root/app/generator:/opt/castline/app/generator:ro" -- python3 /check/check.py
}

case ${1:-all} in
    build) configure; build ;;
    check) configure; check ;;
    run) configure; shift; in_image "$@" ;;
    all) configure; build; check ;;
    *) sed -n '2,22p' "$0"; exit 2 ;;
esac
