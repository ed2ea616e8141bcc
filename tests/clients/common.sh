# shellcheck shell=bash
# For the programs of this folder, which are examples and tests at once; sourced. Each is run by
# tests/install-and, as a plain user unless it says otherwise, with the installed module's path in
# KCRYPTOKI_MODULE, prints TAP, works in an empty folder of its own, and ends by: tap_end
set -u
module=${KCRYPTOKI_MODULE:?is the path of the installed kcryptoki.so}
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# The type of key that nobody can read; kernels that cannot use one have to do with a readable one.
key_type=logon

# put LABEL BYTES ID X-KEY-TYPE: a key of random bytes; they also go to LABEL.key, for openssl alone
put()
{
    head -c "$2" /dev/urandom >"$1.key"
    keyctl padd "$key_type" "pkcs11:object=$1;id=%$3?x-key-type=$4" @u <"$1.key" >/dev/null
}

# put_keys: "aes", 32 bytes with the id 11, and "mac", 20 bytes with the id 12; one test
put_keys()
{
    put aes 32 11 aes
    if KCRYPTOKI_DEBUG=$work/log tool -O 2>/dev/null | grep -q 'label: *aes$'; then
        check "the logon key cannot be read" \
            eval '! keyctl print "$(keyctl search @u logon "pkcs11:object=aes;id=%11?x-key-type=aes")"'
    else
        check "the log says why the logon key is not offered" \
            grep -qE "logon pkcs11:object=aes.* is not offered: .*ALG_SET_KEY_BY_KEY_SERIAL" log
        echo "# this kernel cannot use logon keys: going on with keys of type user"
        key_type=user
        put aes 32 11 aes
    fi
    put mac 20 12 generic-secret
}
