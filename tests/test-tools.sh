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

tap_end
