package org.tuber.devices.block.nbd.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.RSAPrivateKey;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.tuber.devices.block.ImageException;

/** Certificates and keys between {@code -----BEGIN} and {@code -----END} lines (RFC 7468). */
final class PemFile {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");

  /** One block. */
  private record Block(String label, byte[] content) {}

  private PemFile() {}

  private static List<Block> blocks(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      throw new ImageException(file.toString(), "file", "No such file or directory", e);
    }
    List<Block> all = new ArrayList<>();
    Matcher m = BLOCK.matcher(text);
    try {
      while (m.find()) {
        all.add(new Block(m.group(1), Base64.getMimeDecoder().decode(m.group(2))));
      }
    } catch (IllegalArgumentException e) {
      throw new ImageException(file.toString(), "PEM", "bad Base64 text", e);
    }
    return all;
  }

  /** All certificates of a file, in order. */
  static List<X509Certificate> certificates(Path file) throws IOException {
    List<X509Certificate> all = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Block b : blocks(file)) {
        if (b.label.endsWith("CERTIFICATE")) {
          all.add(
              (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(b.content)));
        }
      }
    } catch (GeneralSecurityException e) {
      throw new ImageException(file.toString(), "certificate", String.valueOf(e.getMessage()), e);
    }
    if (all.isEmpty()) {
      throw new ImageException(file.toString(), "certificate", "none in this file");
    }
    return all;
  }

  /** The first private key of a file. */
  static PrivateKey privateKey(Path file) throws IOException {
    for (Block b : blocks(file)) {
      if (!b.label.endsWith("PRIVATE KEY")) {
        continue;
      }
      try {
        PrivateKeyInfo info = keyInfo(file, b);
        String algorithm = algorithm(file, info.getPrivateKeyAlgorithm().getAlgorithm());
        return KeyFactory.getInstance(algorithm)
            .generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
      } catch (GeneralSecurityException | IllegalArgumentException e) {
        throw new ImageException(file.toString(), "private key", String.valueOf(e.getMessage()), e);
      }
    }
    throw new ImageException(file.toString(), "private key", "none in this file");
  }

  /** The older forms, each for one algorithm, are put into the one form the JDK reads. */
  private static PrivateKeyInfo keyInfo(Path file, Block b) throws IOException {
    switch (b.label) {
      case "PRIVATE KEY" -> {
        return PrivateKeyInfo.getInstance(b.content);
      }
      case "RSA PRIVATE KEY" -> {
        AlgorithmIdentifier rsa =
            new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE);
        return new PrivateKeyInfo(rsa, RSAPrivateKey.getInstance(b.content));
      }
      case "EC PRIVATE KEY" -> {
        ECPrivateKey key = ECPrivateKey.getInstance(b.content);
        AlgorithmIdentifier ec =
            new AlgorithmIdentifier(X9ObjectIdentifiers.id_ecPublicKey, key.getParametersObject());
        return new PrivateKeyInfo(ec, key);
      }
      default ->
          throw new ImageException(
              file.toString(), "private key", "'" + b.label + "' is not supported");
    }
  }

  private static String algorithm(Path file, ASN1ObjectIdentifier id) throws ImageException {
    return switch (id.getId()) {
      case "1.2.840.113549.1.1.1" -> "RSA";
      case "1.2.840.113549.1.1.10" -> "RSASSA-PSS";
      case "1.2.840.10045.2.1" -> "EC";
      case "1.3.101.112", "1.3.101.113" -> "EdDSA";
      default ->
          throw new ImageException(
              file.toString(), "private key", "algorithm " + id.getId() + " is not supported");
    };
  }
}
