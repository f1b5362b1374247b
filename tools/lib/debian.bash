# SPDX-License-Identifier: Apache-2.0
# Contents from Debian packages, for the test images: from where this machine takes its own packages, with its proxy.
#
#   debian_root OUT.tar [OPTION...]     mmdebstrap of this release, with options of mmdebstrap
#   debian_package ARCH NAME DIR        the package NAME_*.deb of an architecture, into DIR

debian_suite() { (. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}"); }

# The URI that main of this release comes from; nothing when the machine has no package lists.
debian_source() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk -v s="$(debian_suite)" '$2 == s && $3 == "main" {print $1; exit}'
}

debian_root() {
    local out=$1 source conf status=0
    shift
    source=$(debian_source)
    conf=$(mktemp)
    apt-config dump Acquire | grep -E '^Acquire::(https?::|Check-|Retries)[^"]* "[^"]+";$' >"$conf" || true
    # shellcheck disable=SC2086
    mmdebstrap --quiet --format=tar --aptopt="$conf" "$@" "$(debian_suite)" "$out" $source >"$conf.log" 2>&1 ||
        { status=$?; cat "$conf.log" >&2; }
    rm -f "$conf" "$conf.log"
    return $status
}

debian_package() {
    local arch=$1 name=$2 dir=$3 apt o uri status=0
    apt=$(mktemp -d)
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    o=(-o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt"
        -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
    # Ubuntu keeps amd64 on one server and other architectures on another.
    if grep -q '^ID=ubuntu' /etc/os-release && [ "$arch" != "$(dpkg --print-architecture)" ]; then
        uri=http://ports.ubuntu.com/ubuntu-ports
        [ "$arch" != amd64 ] || uri=http://archive.ubuntu.com/ubuntu
        echo "deb $uri $(debian_suite) main universe" >"$apt/sources.list"
        o+=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null)
    fi
    apt-get "${o[@]}" update >"$apt/log" 2>&1 && (cd "$dir" && apt-get "${o[@]}" download "$name:$arch") >>"$apt/log" 2>&1 ||
        { status=$?; cat "$apt/log" >&2; }
    rm -rf "$apt"
    return $status
}
