# shellcheck shell=bash
# For the programs of this folder, which are examples and tests at once; sourced. Each is run by
# tests/install-and, as a plain user unless it says otherwise, with the installed module's path in
# KCRYPTOKI_MODULE, prints TAP, works in an empty folder of its own, and ends by: tap_end
set -u
module=${KCRYPTOKI_MODULE:?is the path of the installed kcryptoki.so}
clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$clients/../tap.sh"
work=$(mktemp -d)
own_keys=()

# What ends with the script; one that has more to end calls it at its own end.
clean_up()
{
    local key
    for key in "${own_keys[@]}"; do
        keyctl unlink "$key" @u 2>"$work/err"
    done
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1

# The type of key that nobody can read; kernels that cannot use one have to do with a readable one, and
# with keys of programs' own that are.
key_type=logon
readable=

# put LABEL BYTES ID X-KEY-TYPE: a key of random bytes; they also go to LABEL.key, for openssl alone
put()
{
    head -c "$2" /dev/urandom >"$1.key"
    own_keys+=("$(keyctl padd "$key_type" "pkcs11:object=$1;id=%$3?x-key-type=$4" @u <"$1.key")")
}

# unreadable KEY: it is there, and even its owner cannot read it
unreadable()
{
    keyctl describe "$1" | grep ' logon' && ! keyctl print "$1"
}

# put_keys: "aes", 32 bytes with the id 11, and "mac", 20 bytes with the id 12; one test
put_keys()
{
    put aes 32 11 aes
    if KCRYPTOKI_DEBUG=$work/log tool -O 2>/dev/null | grep -q 'label: *aes$'; then
        check "the logon key cannot be read" unreadable "${own_keys[0]}"
    else
        check "the log says why the logon key is not offered" \
            grep -qE "logon pkcs11:object=aes.* is not offered: .*ALG_SET_KEY_BY_KEY_SERIAL" log
        echo "# this kernel cannot use logon keys: going on with keys of type user"
        key_type=user
        readable=--extractable
        put aes 32 11 aes
    fi
    put mac 20 12 generic-secret
}

# offers MECHANISM: pkcs11-tool's name of it is in the token's list
offers()
{
    tool -M 2>/dev/null | grep -qE "^ *$1(,|\$)"
}

# refused PATTERN COMMAND...: the program says such a line and ends with an error of its own, not by
# a signal or a time limit
refused()
{
    local pattern=$1 status
    shift
    "$@" >shown 2>&1
    status=$?
    cat shown
    [ "$status" -gt 0 ] && [ "$status" -lt 124 ] && grep -qE "$pattern" shown
}

# What pkcs11-tool makes with the keys of put_keys, by whatever way $module leads to the token, and
# what openssl makes of the same bytes.
iv=000102030405060708090a0b0c0d0e0f
input=some

# hashes_as MECHANISM OPENSSL-NAME
hashes_as()
{
    tool --hash -m "$1" -i $input -o hash &&
        openssl dgst "-$2" -binary -out expected $input && cmp hash expected
}

# enciphers_as MECHANISM OPENSSL-NAME OPENSSL-OPTION INPUT [ID KEY-FILE]: there, and back again
enciphers_as()
{
    local id=${5:-11} key=${6:-aes.key} given=(-iv "$iv")
    [ "$1" != AES-ECB ] || given=()
    # shellcheck disable=SC2086 # no option is none
    tool --encrypt -m "$1" --id "$id" --iv $iv -i "$4" -o cipher &&
        openssl enc "-$2" -K "$(hex "$key")" "${given[@]}" $3 -in "$4" -out expected &&
        cmp cipher expected &&
        tool --decrypt -m "$1" --id "$id" --iv $iv -i cipher -o again && cmp "$4" again
}

# signs_as MECHANISM OPENSSL-NAME: and verifies it, and nothing else
signs_as()
{
    tool --sign -m "$1" --id 12 -i $input -o signature &&
        openssl dgst "-$2" -mac hmac -macopt "hexkey:$(hex mac.key)" -binary -out expected \
            $input && cmp signature expected &&
        shows 'Signature is valid' tool --verify -m "$1" --id 12 -i $input \
            --signature-file signature &&
        ! shows 'Signature is valid' tool --verify -m "$1" --id 12 -i small \
            --signature-file signature
}

# random_bytes NUMBER: as many as that, and others each time
random_bytes()
{
    tool --generate-random "$1" -o random1 && tool --generate-random "$1" -o random2 &&
        [ "$(wc -c <random1)" = "$1" ] && [ "$(wc -c <random2)" = "$1" ] &&
        # Few bytes are the same twice now and then.
        { [ "$1" -lt 16 ] || ! cmp -s random1 random2; }
}

# tests_itself ARGUMENT...: pkcs11-tool's --test, which counts its errors and ends with 0 anyway
tests_itself()
{
    tool "$@" >shown 2>&1
    status=$?
    cat shown
    [ $status = 0 ] && grep -q '^No errors$' shown && ! grep -q ERR shown
}

# java_tests LIBRARY [restricted]: those of Kcryptoki.java, which is compiled already
java_tests()
{
    cat >java.cfg <<END
name = kcryptoki
library = $1
slotListIndex = 0
END
    # Java asks for keys that nobody can read where it is not told otherwise.
    [ -z "$readable" ] ||
        echo 'attributes(*, CKO_SECRET_KEY, *) = { CKA_EXTRACTABLE = true }' >>java.cfg
    java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$KCRYPTOKI_PROGRAMS" Kcryptoki \
        java.cfg aes.key mac.key "${@:2}" || failed=1
}

# gone LABEL: neither the token nor its keyring has the key
gone()
{
    ! tool -O 2>err | grep -q "label: *$1\$" && ! keyctl list @u | grep -q "object=$1[;?]"
}

# pkcs11-tool hands over 64 bytes at a time to be hashed, which takes its time for long inputs.
head -c 100 /bin/sh >small
head -c 10000 /bin/sh >some
head -c 65536 /bin/sh >blocks
cat /bin/sh /bin/ls >large
