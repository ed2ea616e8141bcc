# shellcheck shell=bash
# A booted systemd, which is process 1 of a PID namespace, for tests of units; sourced after
# common.sh, for root (tests/install-and -r). It reads units from where systemctl enable links to, the
# script's own folder $units, and what make installed.
chmod 755 "$work"
top=$clients/../..
units=$work/units
installed=/usr/local/lib/systemd/system
unit_path=/etc/systemd/system:$units:$installed
mkdir -p "$units"/{sysinit,multi-user}.target.wants outputs
chmod 1777 outputs
head -c 5000 /bin/sh >plain

# The services of write_service: which token encrypts, and by way of which library.
library=$module
token=kernel-user

# write_service NAME LINE...: a service that encrypts as the user backup, unless the lines say otherwise
write_service()
{
    printf '%s\n' "[Service]" "Type=oneshot" "User=backup" "Environment=KCRYPTOKI_DEBUG=1" \
        "ExecStart=pkcs11-tool --module $library --token-label $token --encrypt \\" \
        "    -m AES-CBC-PAD --id 01 --iv $iv -i $work/plain -o $work/outputs/$1" "${@:2}" \
        >"$units/$1.service"
}

# Nothing but these starts, and what the script adds.
write_base()
{
    local unit
    for unit in basic local-fs multi-user paths shutdown slices sockets sysinit timers umount; do
        ln -s "/lib/systemd/system/$unit.target" "$units"
    done
    ln -s /lib/systemd/system/systemd-journald{.service,.socket,-dev-log.socket} "$units"
    ln -s ../systemd-journald.service "$units/sysinit.target.wants"
}

# This machine's own units are none of the test's.
without_units()
{
    mount -t tmpfs none /etc/systemd/system
}

# documented NUMBER: that block of commands in $section of doc/keys-at-boot.md
documented()
{
    # shellcheck disable=SC2154 # the script's
    awk -v wanted="$1" -v section="## $section" '/^## / { ours = $0 == section }
        ours && /^    / { if (!within++) number++; if (number == wanted) print substr($0, 5) }
        !/^    / { within = 0 }' "$top/doc/keys-at-boot.md" | grep .
}

# do_documented NUMBER COMMAND...: given to the command, a shell
do_documented()
{
    local text
    text=$(documented "$1") && "${@:2}" -ec "$text"
}

# The user of the documents' store, and no configuration yet.
conf=/usr/local/etc/kcryptoki.conf
# shellcheck disable=SC2034 # for scripts
store=/var/lib/vault/.local/share/kcryptoki
add_vault()
{
    useradd --system --create-home --home-dir /var/lib/vault vault && { [ ! -e $conf ] || rm $conf; }
}

# of_vault COMMAND...: with the user keyring in a session of its own
of_vault()
{
    as vault keyctl session - sh -ec 'keyctl link @u @s; "$@"' sh "$@"
}

# verify UNIT...: their paths
verify()
{
    SYSTEMD_UNIT_PATH=$unit_path systemd-analyze verify --man=no "$@" >complaints 2>&1
    status=$?
    cat complaints
    [ $status = 0 ] && [ ! -s complaints ]
}

halt()
{
    kill -KILL $systemd
    wait $systemd 2>/dev/null
    true
}

boot()
{
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
    env -i container=kcryptoki PATH="$PATH" SYSTEMD_UNIT_PATH="$unit_path" \
        SYSTEMD_GENERATOR_PATH="$work/none" \
        unshare --pid --fork --kill-child --propagation shared --mount-proc \
        /lib/systemd/systemd --system --unit=multi-user.target --show-status=no \
        </dev/null >systemd.log 2>&1 &
    systemd=$!
    trap 'halt; rm -rf "$work"' EXIT
    wait_for inside systemctl is-active multi-user.target
}

# wait_for COMMAND...: for a minute
wait_for()
{
    local count
    for ((count = 0; count < 120; count++)); do
        "$@" >waited 2>&1 && break
        sleep 0.5
    done
    cat waited
    ((count < 120))
}

# inside COMMAND...: in systemd's namespaces; they begin at their root
inside()
{
    local manager
    manager=$(<"/proc/$systemd/task/$systemd/children") &&
        timeout 60 nsenter -t "${manager% }" --pid --mount env -C "$PWD" SYSTEMD_IGNORE_CHROOT=1 "$@"
}

start()
{
    rm -f "outputs/$1"
    inside systemctl start "$1"
}

works()
{
    start "$1" && cmp "outputs/$1" expected
}

# said UNIT PATTERN
said()
{
    inside journalctl --no-pager -o cat -u "$1" | grep -E "$2"
}

# fails NAME REASON: the service, and its log says why
fails()
{
    ! start "$1" && [ ! -e "outputs/$1" ] && wait_for said "$1" "$2"
}

# as USER COMMAND...
as()
{
    setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups --inh-caps=-all "${@:2}"
}
