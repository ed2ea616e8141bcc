# shellcheck shell=bash
# For tests that are shell scripts and drive other programs; sourced. $module is the path of
# kcryptoki.so. The script ends by: tap_end

number=0
failed=0

# check NAME COMMAND...: one test
check()
{
    local name=$1
    shift
    number=$((number + 1))
    if "$@" >out 2>err; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        head -n 20 out err | sed 's/^/# /'
        failed=1
    fi
}

tap_end()
{
    echo "1..$number"
    exit "$failed"
}

tool()
{
    # shellcheck disable=SC2154 # the script's
    pkcs11-tool --module "$module" --token-label kernel-user "$@"
}

# shows PATTERN COMMAND...: what the command says has a line like this
shows()
{
    local pattern=$1
    shift
    "$@" >shown 2>&1 && cat shown && grep -qE "$pattern" shown
}

hex()
{
    od -An -v -tx1 "$1" | tr -d ' \n'
}
