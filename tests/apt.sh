# shellcheck shell=bash
# A private apt: packages of any Debian release from the mirror that this machine's own apt sources
# name, without root, and without a change to the system's apt. Sourced; the caller has die(), and
# gets $work and $mirror by apt_begin.

find_mirror()
{
    local codename
    if [[ -n ${KCRYPTOKI_MIRROR:-} ]]; then
        echo "${KCRYPTOKI_MIRROR%/}"
        return
    fi
    # Where the lists were never fetched apt knows no Origin yet: the release's own codename tells as much.
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    {
        apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(SITE)' 'Created-By: Packages' || true
        apt-get indextargets --no-release-info --format '$(RELEASE) $(SITE)' 'Created-By: Packages' || true
    } 2>/dev/null | awk -v codename="$codename" '!site && ($1 == "Debian/Debian" || $1 == codename) { site = $2 }
                                                 END { print site }'
}

# apt reads the file given with -c last, so nothing in the system's configuration overrides it, while its proxies
# and credentials stay in force. The cleared hooks would clean the system's package cache.
configure_apt()
{
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    printf 'Package: *\nPin: release *\nPin-Priority: 500\n' >"$work/preferences"
    cat >"$work/apt.conf" <<EOF
Dir::State "$work";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "$work/preferences";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
}

codename_of()
{
    /usr/lib/apt/apt-helper -c "$work/apt.conf" download-file "$mirror/dists/$1/InRelease" "$work/InRelease.$1" \
        >/dev/null 2>&1 || return 0
    sed -n 's/^Codename: *//p' "$work/InRelease.$1" | head -n 1
}

# update_index SUITE...: those whose index can be had; a stale mirror may have one that apt takes for expired.
update_index()
{
    local suite key options=
    for key in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        [[ ! -r $key ]] || options="[signed-by=$key] "
    done
    : >"$work/usable"
    for suite; do
        echo "deb $options$mirror $suite main" >"$work/sources.list"
        if apt-get -q -c "$work/apt.conf" --error-on=any update >"$work/log" 2>&1; then
            cat "$work/sources.list" >>"$work/usable"
        else
            echo "$suite is left out: apt cannot use its index on this machine's Debian mirror:" >&2
            grep '^[EW]:' "$work/log" >&2 || cat "$work/log" >&2
        fi
    done
    [[ -s $work/usable ]] || die "there is no index of $*; apt's reasons are above"
    mv "$work/usable" "$work/sources.list"
}

candidate()
{
    apt-cache -c "$work/apt.conf" policy "$1" | sed -n 's/^ *Candidate: *//p'
}

# apt_begin DIR [ARCHITECTURE]: a work folder in DIR, which goes when the shell ends, and apt's
# configuration in it
apt_begin()
{
    architecture=${2:-amd64}
    mirror=$(find_mirror)
    [[ -n $mirror ]] || die "apt's sources name no Debian mirror; name one in KCRYPTOKI_MIRROR"
    work=$(mktemp -d "$1/.fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 125' INT TERM HUP
    configure_apt
}
