#!/bin/bash
# The programs that people have: p11-kit, pkcs11-tool and p11tool, on an installed module and a key
# that nobody can read (on kernels that cannot use one: a key of type user, and the reason why).
#
#   tests/test-tools.sh MODULE registered
set -u
module=${1:?the path of kcryptoki.so}
. "$(dirname "$0")/tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
iv=000102030405060708090a0b0c0d0e0f

key_type=logon
put()
{
    head -c "$2" /dev/urandom >"$1.key"
    keyctl padd "$key_type" "pkcs11:object=$1;id=%$3?x-key-type=$4" @u <"$1.key" >/dev/null
}

listed()
{
    tool -O 2>/dev/null | grep -q 'label: *aes$'
}

put aes 32 11 aes
if ! KCRYPTOKI_DEBUG=$work/log listed; then
    check "the log says why the logon key is not offered" \
        grep -qE "logon pkcs11:object=aes.* is not offered: .*ALG_SET_KEY_BY_KEY_SERIAL" log
    echo "# this kernel cannot use logon keys: going on with keys of type user"
    key_type=user
    put aes 32 11 aes
else
    check "the logon key cannot be read" \
        eval '! keyctl print "$(keyctl search @u logon "pkcs11:object=aes;id=%11?x-key-type=aes")"'
fi
put mac 20 12 generic-secret

same_hash()
{
    tool --hash -m "$1" -i /bin/sh -o hash && [ "$(hex hash)" = "$("$2" </bin/sh | cut -d' ' -f1)" ]
}

# cipher MECHANISM OPENSSL-NAME OPENSSL-OPTION INPUT
cipher()
{
    tool --encrypt -m "$1" --id 11 --iv $iv -i "$4" -o cipher &&
        openssl enc "-$2" -K "$(hex aes.key)" $([ "$1" = AES-ECB ] || echo -iv $iv) $3 -in "$4" \
            -out expected && cmp cipher expected &&
        tool --decrypt -m "$1" --id 11 --iv $iv -i cipher -o again && cmp "$4" again
}

mac()
{
    tool --sign -m "$1" --id 12 -i /bin/sh -o signature &&
        [ "$(hex signature)" = "$(openssl dgst "-$2" -mac hmac -macopt "hexkey:$(hex mac.key)" \
            /bin/sh | sed 's/.*= //')" ] &&
        shows 'Signature is valid' tool --verify -m "$1" --id 12 -i /bin/sh \
            --signature-file signature &&
        ! shows 'Signature is valid' tool --verify -m "$1" --id 12 -i /bin/ls \
            --signature-file signature
}

# Keys that the token makes. Where unread keys cannot be used, they must be readable.
readable=
kept='sensitive, always sensitive, never extractable, local'
if [ $key_type = user ]; then
    readable=--extractable
    kept='extractable, local'
fi

# object LABEL ID WHAT: one key is listed like that, and keyctl shows what the token wrote
object()
{
    tool -O 2>err >objects
    awk -v RS='Secret Key Object' -v label="$1" -v id="$2" -v what="$3" \
        '$0 ~ "label: *" label "\n" && $0 ~ "ID: *" id "\n" && $0 ~ what { found++ }
        END { exit found != 1 }' objects &&
        keyctl list @u | grep -qE " (logon|user): pkcs11:.*object=$1[;?]"
}

keygen()
{
    tool --keygen --key-type "$1" --label "$2" --id "$3" $readable "${@:4}"
}

# seal ID FILE, unseal ID FILE
seal()
{
    tool --encrypt -m AES-CBC-PAD --id "$1" --iv $iv -i small -o "$2" && ! cmp -s small "$2"
}

unseal()
{
    tool --decrypt -m AES-CBC-PAD --id "$1" --iv $iv -i "$2" -o again && cmp small again
}

# as_openssl ID FILE: what the key with the bytes of FILE makes
as_openssl()
{
    seal "$1" cipher &&
        openssl enc -aes-128-cbc -K "$(hex "$2")" -iv $iv -in small -out expected &&
        cmp cipher expected
}

signs()
{
    tool --sign -m SHA256-HMAC --id "$1" -i /bin/sh -o signature &&
        shows 'Signature is valid' tool --verify -m SHA256-HMAC --id "$1" -i /bin/sh \
            --signature-file signature
}

# wrapped FILE: as openssl wraps its bytes with the key that is there as aes
wrapped()
{
    tool --wrap -m AES-KEY-WRAP --id 11 --application-id "$2" -o blob &&
        openssl enc -id-aes256-wrap -K "$(hex aes.key)" -iv a6a6a6a6a6a6a6a6 -in "$1" \
            -out expected && cmp blob expected
}

unwrap()
{
    tool --unwrap -m AES-KEY-WRAP --id 11 -i "$1" --key-type AES: --application-id "$2" \
        --application-label "$3" $readable
}

# gone LABEL: neither the token nor its keyring has the key
gone()
{
    ! tool -O 2>err | grep -q "label: *$1\$" && ! keyctl list @u | grep -q "object=$1[;?]"
}

random()
{
    tool --generate-random "$1" -o random1 && tool --generate-random "$1" -o random2 &&
        [ "$(wc -c <random1)" = "$1" ] && [ "$(wc -c <random2)" = "$1" ] && ! cmp -s random1 random2
}

head -c 100 /bin/sh >small
head -c 65536 /bin/sh >blocks
cat /bin/sh /bin/ls >large

check "p11-kit lists the module" shows '^kcryptoki: kcryptoki.so' p11-kit list-modules
check "p11-kit lists both tokens" shows 'token: kernel-session' p11-kit list-modules
check "pkcs11-tool -I" shows 'Library +Linux keyrings and AF_ALG' tool -I
check "pkcs11-tool -L" shows 'token label +: kernel-user' tool -L
check "pkcs11-tool -M" shows 'AES-CBC-PAD, keySize=\{16,32\}, encrypt, decrypt' tool -M
check "pkcs11-tool -O" shows 'Secret Key Object; AES length 32' tool -O
check "pkcs11-tool -O shows the key as sensitive" shows 'Access: +sensitive' tool -O
check "pkcs11-tool -O through p11-kit-proxy" shows 'label: +aes' \
    pkcs11-tool --module "$(pkg-config --variable=proxy_module p11-kit-1)" \
    --token-label kernel-user -O
for pair in MD5:md5sum SHA-1:sha1sum SHA224:sha224sum SHA256:sha256sum SHA384:sha384sum \
    SHA512:sha512sum; do
    check "--hash ${pair%%:*} as ${pair#*:}" same_hash "${pair%%:*}" "${pair#*:}"
done
for size in 1 32 127 128 129 5000; do
    check "--generate-random $size" random $size
done
for input in small large; do
    check "AES-CBC-PAD, $input input" cipher AES-CBC-PAD aes-256-cbc "" $input
done
check "AES-CBC" cipher AES-CBC aes-256-cbc -nopad blocks
check "AES-ECB" cipher AES-ECB aes-256-ecb -nopad blocks
for pair in SHA-1-HMAC:sha1 SHA256-HMAC:sha256 SHA384-HMAC:sha384 SHA512-HMAC:sha512; do
    check "--sign and --verify ${pair%%:*}" mac "${pair%%:*}" "${pair#*:}"
done
check "p11tool --list-tokens" shows 'token=kernel-user' p11tool --list-tokens
check "p11tool --list-mechanisms" shows 'CKM_AES_GCM' \
    p11tool --list-mechanisms 'pkcs11:token=kernel-user'
check "p11tool --list-all" shows 'object=aes;type=secret-key' \
    p11tool --list-all 'pkcs11:token=kernel-user'
check "p11tool --generate-random" shows . p11tool --generate-random 16 'pkcs11:token=kernel-user'

before=$(keyctl rlist @u | wc -w)
head -c 16 /dev/urandom >given.key
check "--keygen AES:32" keygen AES:32 made 21
check "the key is listed" object made 21 "AES length 32.*$kept"
check "it encrypts" seal 21 made.cipher
check "and decrypts" unseal 21 made.cipher
check "--keygen GENERIC:20" keygen GENERIC:20 made-mac 22 --usage-sign
check "the key is listed" object made-mac 22 "Generic secret length 20.*$kept"
check "it signs and verifies" signs 22
check "--keygen of a length that is none is refused" eval '! keygen AES:17 odd 29'
check "and makes no key" gone odd
check "--write-object" tool --write-object given.key --type secrkey --key-type AES:16 \
    --label given --id 23 --extractable
check "the key is listed" object given 23 'AES length 16'
check "it encrypts as openssl" as_openssl 23 given.key
[ $key_type = user ] || check "--wrap of a key that is not extractable is refused" \
    eval '! tool --wrap -m AES-KEY-WRAP --id 11 --application-id 21 -o none'
check "--wrap, as openssl" wrapped given.key 23
check "--set-id" tool --set-id 24 --type secrkey --id 23
check "the key is listed with it" object given 24 'AES length 16'
check "and not without" eval '! object given 23 AES'
check "it encrypts as before" as_openssl 24 given.key
check "--delete-object" tool --delete-object --type secrkey --id 24
check "the key is gone" gone given
check "--unwrap" unwrap blob 25 back
check "the key is listed" object back 25 'AES length 16'
check "it is the one that was wrapped" as_openssl 25 given.key
printf '\377' | dd of=blob bs=1 seek=3 conv=notrunc status=none
check "--unwrap of what was tampered with is refused" eval '! unwrap blob 26 forged'
check "and makes no key" gone forged
for id in 21 22 25; do
    check "--delete-object $id" tool --delete-object --type secrkey --id $id
done
write=(p11tool --write --secret-key 000102030405060708090a0b0c0d0e0f --label gnutls
    'pkcs11:token=kernel-user')
if [ $key_type = logon ]; then
    check "p11tool --write" "${write[@]}"
    check "p11tool lists the key" shows 'Flags:.*CKA_SENSITIVE' \
        p11tool --list-all 'pkcs11:token=kernel-user;object=gnutls'
    check "p11tool --delete" shows '1 objects deleted' \
        p11tool --batch --delete 'pkcs11:token=kernel-user;object=gnutls;type=secret-key'
    check "the key is gone" gone gnutls
else
    check "p11tool --write of a key that nobody could read is refused" \
        eval '! KCRYPTOKI_DEBUG=$work/log "${write[@]}"'
    check "the log says why" grep -q 'no key is made that nobody can read' log
fi
check "nothing is left of what was deleted" eval '[ "$(keyctl rlist @u | wc -w)" = "$before" ]'

self_test()
{
    tool "$@" >shown 2>&1
    status=$?
    cat shown
    [ $status = 0 ] && grep -q '^No errors$' shown && ! grep -q ERR shown
}

check "pkcs11-tool --test" self_test --test
check "pkcs11-tool --login --test" self_test --login --pin 1234 --test
check "pkcs11-tool --test-fork" tool --test-fork

tap_end
