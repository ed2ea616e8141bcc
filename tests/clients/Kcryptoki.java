/* SPDX-License-Identifier: BSD-2-Clause */

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.Security;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Java's SunPKCS11 provider with keys of a Linux keyring: an example, and a test whose results are
 * those of Java's own providers for the same bytes. Prints TAP.
 *
 * <p>Kcryptoki CONFIGURATION AES-KEY-FILE MAC-KEY-FILE [restricted]; the keys have the labels "aes"
 * and "mac", and are all that there are. The last word is for a kernel that keeps most of AF_ALG
 * from this user: what it has left works, and the rest is not there.
 */
public final class Kcryptoki {
    private static Provider token;
    private static KeyStore store;
    private static byte[] text;
    private static int number;
    private static int failed;

    private interface Test {
        boolean passes() throws Exception;
    }

    private static void check(String name, Test test) {
        boolean passed = false;
        try {
            passed = test.passes();
        } catch (Exception e) {
            for (Throwable why = e; why != null; why = why.getCause()) {
                System.out.println("# " + why);
            }
        }
        if (!passed) {
            failed++;
        }
        System.out.println((passed ? "ok " : "not ok ") + ++number + " - " + name);
    }

    /** A key of the token; its bytes stay in the kernel. */
    private static Key key(String label) throws GeneralSecurityException {
        return store.getKey(label, null);
    }

    private static Cipher cipher(Provider provider, String name, int mode, Key key, String header)
            throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(name, provider);
        byte[] iv = new byte[name.contains("GCM") ? 12 : 16];
        Arrays.fill(iv, (byte) 7);
        if (name.contains("GCM")) {
            // Always 12 bytes: by itself Java would choose 16, which the kernel does not take.
            cipher.init(mode, key, new GCMParameterSpec(128, iv));
            cipher.updateAAD(header.getBytes(StandardCharsets.UTF_8));
        } else if (name.contains("ECB")) {
            cipher.init(mode, key);
        } else {
            cipher.init(mode, key, new IvParameterSpec(iv));
        }
        return cipher;
    }

    private static byte[] crypt(Provider provider, String name, int mode, Key key, byte[] in)
            throws GeneralSecurityException {
        return cipher(provider, name, mode, key, "header").doFinal(in);
    }

    /** In parts that are no whole blocks, and without a last part for doFinal. */
    private static byte[] cryptInParts(String name, int mode, Key key, byte[] in)
            throws GeneralSecurityException {
        Cipher cipher = cipher(token, name, mode, key, "header");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int at = 0; at < in.length; at += 13) {
            byte[] part = cipher.update(in, at, Math.min(13, in.length - at));
            out.writeBytes(part == null ? new byte[0] : part);
        }
        out.writeBytes(cipher.doFinal());
        return out.toByteArray();
    }

    private static boolean encryptsAsJava(String name, Key key, byte[] bytes)
            throws GeneralSecurityException {
        Provider own = Security.getProvider("SunJCE");
        byte[] made = crypt(token, name, Cipher.ENCRYPT_MODE, key, text);
        byte[] expected =
                crypt(own, name, Cipher.ENCRYPT_MODE, new SecretKeySpec(bytes, "AES"), text);
        return Arrays.equals(made, expected)
                && Arrays.equals(text, crypt(token, name, Cipher.DECRYPT_MODE, key, made))
                && Arrays.equals(made, cryptInParts(name, Cipher.ENCRYPT_MODE, key, text))
                && Arrays.equals(text, cryptInParts(name, Cipher.DECRYPT_MODE, key, made));
    }

    /** The same object twice: it begins anew by itself. */
    private static boolean signsAsJava(String name, Key key, byte[] bytes)
            throws GeneralSecurityException {
        Mac mac = Mac.getInstance(name, token);
        Mac own = Mac.getInstance(name, "SunJCE");
        mac.init(key);
        own.init(new SecretKeySpec(bytes, name));
        byte[] expected = own.doFinal(text);
        mac.update(text, 0, 10);
        return Arrays.equals(mac.doFinal(Arrays.copyOfRange(text, 10, text.length)), expected)
                && Arrays.equals(mac.doFinal(text), expected);
    }

    private static boolean digestsAsJava(String name) throws GeneralSecurityException {
        MessageDigest digest = MessageDigest.getInstance(name, token);
        digest.update(text, 0, 10);
        digest.update(text, 10, text.length - 10);
        return Arrays.equals(
                digest.digest(), MessageDigest.getInstance(name, "SUN").digest(text));
    }

    private static boolean refuses(byte[] sealed, String header) throws GeneralSecurityException {
        try {
            cipher(token, "AES/GCM/NoPadding", Cipher.DECRYPT_MODE, key("aes"), header)
                    .doFinal(sealed);
            return false;
        } catch (AEADBadTagException expected) {
            return true;
        }
    }

    private static boolean refusesTampered() throws GeneralSecurityException {
        byte[] sealed = crypt(token, "AES/GCM/NoPadding", Cipher.ENCRYPT_MODE, key("aes"), text);
        byte[] body = sealed.clone();
        byte[] tag = sealed.clone();
        body[3] ^= 1;
        tag[tag.length - 1] ^= 1;
        return refuses(body, "header") && refuses(tag, "header") && refuses(sealed, "another");
    }

    private static boolean drawsRandom() throws GeneralSecurityException {
        SecureRandom random = SecureRandom.getInstance("PKCS11", token);
        byte[] one = new byte[5000];
        byte[] other = new byte[5000];
        random.nextBytes(one);
        random.nextBytes(other);
        return !Arrays.equals(one, other) && !Arrays.equals(one, new byte[5000]);
    }

    private static boolean generates() throws GeneralSecurityException {
        KeyGenerator generator = KeyGenerator.getInstance("AES", token);
        generator.init(256);
        SecretKey made = generator.generateKey();
        String name = "AES/CBC/PKCS5Padding";
        byte[] sealed = crypt(token, name, Cipher.ENCRYPT_MODE, made, text);
        return !Arrays.equals(sealed, text)
                && Arrays.equals(text, crypt(token, name, Cipher.DECRYPT_MODE, made, sealed));
    }

    private static boolean generatesForHmac() throws GeneralSecurityException {
        KeyGenerator generator = KeyGenerator.getInstance("HmacSHA256", token);
        byte[][] made = new byte[3][];
        Key[] keys = {generator.generateKey(), generator.generateKey()};
        for (int i = 0; i < 3; i++) {
            Mac mac = Mac.getInstance("HmacSHA256", token);
            mac.init(keys[i / 2]);
            made[i] = mac.doFinal(text);
        }
        return Arrays.equals(made[0], made[1]) && !Arrays.equals(made[0], made[2]);
    }

    /** A raw key becomes a key of the session. */
    private static boolean translates(byte[] bytes) throws GeneralSecurityException {
        SecretKeyFactory factory = SecretKeyFactory.getInstance("AES", token);
        SecretKey made = factory.translateKey(new SecretKeySpec(bytes, "AES"));
        return encryptsAsJava("AES/CBC/PKCS5Padding", made, bytes);
    }

    /** A raw key becomes a key of the token, and is there until it is deleted. */
    private static boolean keeps(byte[] bytes) throws Exception {
        store.setEntry(
                "java", new KeyStore.SecretKeyEntry(new SecretKeySpec(bytes, "AES")), null);
        boolean works = encryptsAsJava("AES/CTR/NoPadding", key("java"), bytes);
        store.deleteEntry("java");
        // The store remembers what it read.
        store.load(null, null);
        return works && !store.containsAlias("java");
    }

    private static boolean inThreads(byte[] bytes) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Callable<Boolean>> work = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String name = i % 2 == 0 ? "AES/CBC/PKCS5Padding" : "AES/GCM/NoPadding";
            work.add(
                    () -> {
                        boolean right = true;
                        for (int times = 0; times < 25; times++) {
                            right &= encryptsAsJava(name, key("aes"), bytes);
                        }
                        return right;
                    });
        }
        boolean right = true;
        for (Future<Boolean> result : threads.invokeAll(work)) {
            right &= result.get();
        }
        threads.shutdown();
        return right;
    }

    private static void checkAll(byte[] aes, byte[] mac) {
        for (String name : List.of("AES/ECB/NoPadding", "AES/ECB/PKCS5Padding",
                "AES/CBC/NoPadding", "AES/CBC/PKCS5Padding", "AES/CTR/NoPadding",
                "AES/GCM/NoPadding")) {
            check(name + ", as Java's own", () -> encryptsAsJava(name, key("aes"), aes));
        }
        check("GCM: what was tampered with is an AEADBadTagException",
                Kcryptoki::refusesTampered);
        for (String name : List.of("HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384",
                "HmacSHA512")) {
            check(name + ", as Java's own", () -> signsAsJava(name, key("mac"), mac));
        }
        check("Mac with a raw key", () ->
                signsAsJava("HmacSHA256", new SecretKeySpec(mac, "HmacSHA256"), mac));
        for (String name : List.of("MD5", "SHA-224", "SHA-256", "SHA-384", "SHA-512",
                "SHA3-256")) {
            check(name + ", as Java's own", () -> digestsAsJava(name));
        }
        check("KeyGenerator, AES", Kcryptoki::generates);
        check("KeyGenerator, HmacSHA256", Kcryptoki::generatesForHmac);
        check("SecretKeyFactory", () -> translates(aes));
        check("KeyStore.setEntry and deleteEntry", () -> keeps(aes));
        check("4 threads with one key", () -> inThreads(aes));
    }

    private static void checkWhatIsLeft() {
        for (String[] service : new String[][] {{"Cipher", "AES/CBC/NoPadding"},
                {"Cipher", "AES/GCM/NoPadding"}, {"Mac", "HmacSHA256"},
                {"MessageDigest", "SHA-256"}}) {
            check(service[1] + " is not there", () ->
                    token.getService(service[0], service[1]) == null);
        }
    }

    public static void main(String[] args) throws Exception {
        byte[] aes = Files.readAllBytes(Path.of(args[1]));
        byte[] mac = Files.readAllBytes(Path.of(args[2]));
        // A multiple of 16, for NoPadding.
        text = new byte[4000];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (i * 31 / 7);
        }
        System.out.println("# Java " + System.getProperty("java.version"));
        token = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(token);
        store = KeyStore.getInstance("PKCS11", token);
        store.load(null, null);

        check("the keys are in the key store", () ->
                Set.copyOf(Collections.list(store.aliases())).equals(Set.of("aes", "mac"))
                        && store.isKeyEntry("aes") && store.getKey("other", null) == null);
        check("the key's bytes are not given out", () ->
                key("aes").getEncoded() == null && key("aes").getAlgorithm().equals("AES"));
        check("SecureRandom", Kcryptoki::drawsRandom);
        check("SHA-1, as Java's own", () -> digestsAsJava("SHA-1"));
        if (args.length > 3) {
            checkWhatIsLeft();
        } else {
            checkAll(aes, mac);
        }
        System.out.println("1.." + number);
        System.exit(failed == 0 ? 0 : 1);
    }
}
