#!/bin/sh
# Make the environment .venv in this folder. Needs python3 (3.8 or later) with pip; git only to get the code.
#
#   sh setup.sh        to use the package
#   sh setup.sh dev    to test and change it, too
#
# Nothing is installed outside this folder, and nothing is done twice: run it again at any time, as after a pull.
set -eu

fail() {
    echo "setup.sh: $1" >&2
    exit 1
}

case "$*" in
    "") group= ;;
    dev) group="--group dev" ;;
    *) fail "unknown argument '$*'; call it as 'sh setup.sh' or 'sh setup.sh dev'" ;;
esac
CDPATH='' cd -- "$(dirname -- "$0")" || fail "cannot enter its own folder"
here=$(pwd)
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_USER=0

# 1. uv, the installer, into .uv. With --target pip works also where the system's Python is "externally managed". The
#    command starts outside the folder because pyenv would look for the Python of .python-version inside it.
uv="$here/.uv/bin/uv"
if ! "$uv" --version >/dev/null 2>&1; then
    (cd / && python3 -m pip --version) >/dev/null 2>&1 ||
        fail "'python3 -m pip' does not work; install python3 and pip (Debian, Ubuntu: apt install python3-pip)"
    echo "setup.sh: getting uv"
    (cd / && python3 -m pip install -qq --upgrade --target "$here/.uv" uv) ||
        fail "pip could not install uv into $here/.uv (see above); is the network there?"
fi

# 2. A Python for it: 3.12 if there is one, else 3.13, else uv downloads one.
if ! .venv/bin/python -c "" 2>/dev/null; then
    echo "setup.sh: making .venv"
    wanted=$(cat .python-version)
    "$uv" venv --quiet --clear --no-python-downloads --python "$wanted" .venv 2>/dev/null ||
        "$uv" venv --quiet --clear --python ">=$wanted,<3.14" .venv ||
        fail "no Python $wanted or 3.13 was found, and none could be downloaded (see above); install one and try again"
fi

# 3. The package, editable, with the versions of constraints.txt. $group is two words or none.
# shellcheck disable=SC2086
"$uv" pip install --quiet --python .venv/bin/python --constraint constraints.txt --editable . $group ||
    fail "the packages could not be installed (see above)"
echo "setup.sh: ready"
