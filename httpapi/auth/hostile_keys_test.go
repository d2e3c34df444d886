package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"testing"
)

// algorithms adds algorithms that no key is for.
func (h *hostiles) algorithms() {
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "n\\u006fne"} {
		h.bySecret("alg "+alg+", no signature", compact(`{"alg":"`+alg+`"}`, h.claims(), noSignature), "alg: expected HS256")
		h.bySet("alg "+alg+", no signature", compact(`{"alg":"`+alg+`","kid":"rsa"}`, h.claims(), noSignature), "alg: expected RS256")
		h.bySecret("alg "+alg+", good signature", compact(`{"alg":"`+alg+`"}`, h.claims(), h.secret), "alg: expected HS256")
	}
	for name, member := range map[string]string{
		"alg empty": `"alg":""`, "alg missing": `"typ":"JWT"`, "alg in another case": `"alg":"hs256"`, "ALG": `"ALG":"HS256"`,
		"alg HS384": `"alg":"HS384"`, "alg RS256 with a secret": `"alg":"RS256"`, "alg with NUL": `"alg":"HS256\u0000"`,
	} {
		h.bySecret(name, compact(`{`+member+`}`, h.claims(), h.secret), "alg: expected HS256")
	}
	for name, member := range map[string]string{
		"alg array": `["HS256"]`, "alg array of none": `["none"]`, "alg number": `256`, "alg null": `null`, "alg object": `{"alg":"HS256"}`, "alg true": `true`,
	} {
		h.bySecret(name, compact(`{"alg":`+member+`}`, h.claims(), h.secret), "expected a string")
	}
	h.bySecret("HS384", compact(`{"alg":"HS384"}`, h.claims(), hmacOf(sha512.New384)), "alg: expected HS256")
	h.bySecret("HS512", compact(`{"alg":"HS512"}`, h.claims(), hmacOf(sha512.New)), "alg: expected HS256")
	h.bySecret("HS512 said to be HS256", compact(plainHeader, h.claims(), hmacOf(sha512.New)), "signature: is not")
	h.bySecret("another secret", compact(plainHeader, h.claims(), hs256("another secret of at least 32 bytes")), "signature: is not")
	h.bySecret("an empty secret", compact(plainHeader, h.claims(), hs256("")), "signature: is not")
}

// keys adds keys in place of others.
func (h *hostiles) keys() {
	spki, err := x509.MarshalPKIXPublicKey(&h.rsa.PublicKey)
	if err != nil {
		h.t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&h.rsa.PublicKey)
	for name, text := range map[string]string{
		"PKIX PEM":           string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"PKIX PEM, trimmed":  strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))),
		"PKIX DER":           string(spki),
		"PKCS 1 PEM":         string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})),
		"PKCS 1 DER":         string(pkcs1),
		"JWK":                jwk("rsa", &h.rsa.PublicKey),
		"modulus":            string(h.rsa.N.Bytes()),
		"modulus, in base64": encode(string(h.rsa.N.Bytes())),
		"modulus, in hex":    hex.EncodeToString(h.rsa.N.Bytes()),
		"nothing":            "",
	} {
		h.bySet("HS256 by the RSA key as "+name, compact(`{"alg":"HS256","kid":"rsa"}`, h.claims(), hs256(text)), "alg: expected RS256")
		h.bySet("RS256 in name, HS256 by the RSA key as "+name, compact(`{"alg":"RS256","kid":"rsa"}`, h.claims(), hs256(text)), "signature: is not")
	}
	h.bySet("a stranger's RS256", compact(`{"alg":"RS256","kid":"rsa"}`, h.claims(), rs256(h.otherRSA)), "signature: is not")
	h.bySet("a stranger's ES256", compact(`{"alg":"ES256","kid":"p256"}`, h.claims(), es256(h.stranger)), "signature: is not")
	_, strange := newEd(h.t)
	h.bySet("a stranger's EdDSA", compact(`{"alg":"EdDSA","kid":"ed"}`, h.claims(), edDSA(strange)), "signature: is not")
	for alg, sum := range map[string]crypto.Hash{"RS384": crypto.SHA384, "RS512": crypto.SHA512} {
		h.bySet(alg, compact(`{"alg":"`+alg+`","kid":"rsa"}`, h.claims(), func(signed string) string {
			digest := sum.New()
			digest.Write([]byte(signed))
			signature, err := rsa.SignPKCS1v15(nil, h.rsa, sum, digest.Sum(nil))
			if err != nil {
				h.t.Fatal(err)
			}
			return string(signature)
		}), "alg: expected RS256")
	}
	pss := func(signed string) string {
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPSS(rand.Reader, h.rsa, crypto.SHA256, sum[:], nil)
		if err != nil {
			h.t.Fatal(err)
		}
		return string(signature)
	}
	h.bySet("PS256", compact(`{"alg":"PS256","kid":"rsa"}`, h.claims(), pss), "alg: expected RS256")
	h.bySet("PS256 said to be RS256", compact(`{"alg":"RS256","kid":"rsa"}`, h.claims(), pss), "signature: is not")
	h.bySet("ES384", compact(`{"alg":"ES384","kid":"p384"}`, h.claims(), es256(h.p384)), "alg: expected RS256")
	h.bySet("ES256 on P-384", compact(`{"alg":"ES256","kid":"p384"}`, h.claims(), es256(h.p384)), "kid: is unknown")
	h.bySet("ES256 on P-384, known kid", compact(`{"alg":"ES256","kid":"p256"}`, h.claims(), es256(h.p384)), "signature: is not")
	h.bySet("ES256K", compact(`{"alg":"ES256K","kid":"p256"}`, h.claims(), es256(h.p256)), "alg: expected RS256")
	h.bySet("Ed25519", compact(`{"alg":"Ed25519","kid":"ed"}`, h.claims(), edDSA(h.ed)), "alg: expected RS256")
	for _, cross := range [][2]string{{"RS256", "p256"}, {"RS256", "ed"}, {"ES256", "rsa"}, {"ES256", "ed"}, {"EdDSA", "rsa"}, {"EdDSA", "p256"}} {
		header := `{"alg":"` + cross[0] + `","kid":"` + cross[1] + `"}`
		for name, sign := range map[string]signer{"RSA": rs256(h.rsa), "EC": es256(h.p256), "Ed25519": edDSA(h.ed)} {
			h.bySet(cross[0]+" by the key "+cross[1]+" with a signature of "+name, compact(header, h.claims(), sign), "alg: is not the key's")
		}
	}
}

// signatures adds signatures that are none.
func (h *hostiles) signatures() {
	n := elliptic.P256().Params().N.Bytes()
	for name, signature := range map[string]string{
		"r and s zero": strings.Repeat("\x00", 64), "r zero": strings.Repeat("\x00", 32) + strings.Repeat("\x01", 32),
		"s zero": strings.Repeat("\x01", 32) + strings.Repeat("\x00", 32), "r and s the order": string(n) + string(n),
		"r and s one": strings.Repeat("\x00", 31) + "\x01" + strings.Repeat("\x00", 31) + "\x01",
		"empty":       "", "one byte": "x", "65 bytes": strings.Repeat("\x01", 65), "all ones": strings.Repeat("\xff", 64),
	} {
		h.bySet("ES256 with "+name, compact(`{"alg":"ES256","kid":"p256"}`, h.claims(), func(string) string { return signature }), "signature: is not")
		h.bySet("EdDSA with "+name, compact(`{"alg":"EdDSA","kid":"ed"}`, h.claims(), func(string) string { return signature }), "signature: is not")
		h.bySet("RS256 with "+name, compact(`{"alg":"RS256","kid":"rsa"}`, h.claims(), func(string) string { return signature }), "signature: is not")
		h.bySecret("HS256 with "+name, compact(plainHeader, h.claims(), func(string) string { return signature }), "signature: is not")
	}
	h.bySet("ES256 in ASN.1", compact(`{"alg":"ES256","kid":"p256"}`, h.claims(), func(signed string) string {
		sum := sha256.Sum256([]byte(signed))
		der, err := ecdsa.SignASN1(rand.Reader, h.p256, sum[:])
		if err != nil {
			h.t.Fatal(err)
		}
		return string(der)
	}), "signature: is not")
	h.bySet("RS256 with all zero", compact(`{"alg":"RS256","kid":"rsa"}`, h.claims(), func(string) string { return strings.Repeat("\x00", 256) }), "signature: is not")
	h.bySet("EdDSA with half its signature", compact(`{"alg":"EdDSA","kid":"ed"}`, h.claims(), func(s string) string { return edDSA(h.ed)(s)[:32] }), "signature: is not")
	h.bySecret("half a signature", compact(plainHeader, h.claims(), func(s string) string { return h.secret(s)[:16] }), "signature: is not")
	h.bySecret("a longer signature", compact(plainHeader, h.claims(), func(s string) string { return h.secret(s) + "\x00" }), "signature: is not")
	h.bySecret("claims exchanged under a signature", encode(plainHeader)+"."+encode(h.claims("role", `"ops"`))+h.goodHS[strings.LastIndexByte(h.goodHS, '.'):], "signature: is not")
}

// kids adds names of keys.
func (h *hostiles) kids() {
	for name, kid := range map[string]string{
		"path": `../../../../dev/null`, "absolute path": `/proc/sys/kernel/randomize_va_space`, "SQL": `x' UNION SELECT 'secret' --`,
		"command": "| sleep 10; `id`", "URL": h.canary + "/kid", "another case": "RSA", "with a space": "rsa ", "unknown": "no-such-key",
		"format": "%s%n%x", "template": "{{.}}${jndi:ldap://127.0.0.1/x}", "empty": "",
	} {
		h.bySet("kid: "+name, compact(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid), h.claims(), rs256(h.rsa)), "kid: is unknown")
	}
	h.bySet("kid: missing", compact(`{"alg":"RS256"}`, h.claims(), rs256(h.rsa)), "kid: is unknown")
	for name, kid := range map[string]string{
		"NUL": `"rsa\u0000"`, "CR LF": `"rsa\r\nSet-Cookie: a=b"`, "201 bytes": `"` + strings.Repeat("x", 201) + `"`,
		"Korean": `"열쇠"`, "control": `"\u001b[2J"`, "DEL": `"\u007f"`, "no-break space": `"rsa\u00a0"`,
	} {
		h.bySet("kid: "+name, compact(`{"alg":"RS256","kid":`+kid+`}`, h.claims(), rs256(h.rsa)), "kid: expected")
		h.bySecret("kid: "+name, compact(`{"alg":"HS256","kid":`+kid+`}`, h.claims(), h.secret), "kid: expected")
	}
	h.bySet("kid: 10 KB", compact(`{"alg":"RS256","kid":"`+strings.Repeat("x", 10<<10)+`"}`, h.claims(), rs256(h.rsa)), "kid: expected")
	for name, kid := range map[string]string{"array": `["rsa"]`, "number": `1`, "null": `null`, "object": `{"$ne":""}`, "true": `true`} {
		h.bySet("kid: "+name, compact(`{"alg":"RS256","kid":`+kid+`}`, h.claims(), rs256(h.rsa)), "expected a string")
	}
}

// headers adds headers that bring their own key.
func (h *hostiles) headers() {
	foreign := jwk("rsa", &h.otherRSA.PublicKey)
	cert := base64.StdEncoding.EncodeToString(selfSigned(h.t, h.otherRSA))
	for name, member := range map[string]string{
		"jku": `"jku":"` + h.canary + `/keys"`, "jku null": `"jku":null`, "x5u": `"x5u":"` + h.canary + `/cert"`, "jwk": `"jwk":` + foreign, "jwk empty": `"jwk":{}`,
		"x5c": `"x5c":["` + cert + `"]`, "x5t": `"x5t":"AAAA"`, "x5t#S256": `"x5t#S256":"AAAA"`,
		"crit": `"crit":["exp"]`, "crit empty": `"crit":[]`, "crit unknown": `"crit":["http://x"],"http://x":1`,
		"b64 false": `"b64":false,"crit":["b64"]`, "b64 true": `"b64":true`, "zip": `"zip":"DEF"`, "enc": `"enc":"A256GCM"`,
		"j\\u006bu": `"j\u006bu":"` + h.canary + `"`,
	} {
		h.bySet("header "+name+", a stranger's signature", compact(`{"alg":"RS256","kid":"rsa",`+member+`}`, h.claims(), rs256(h.otherRSA)), "header: brings its own key")
		h.bySet("header "+name+", unknown kid", compact(`{"alg":"RS256","kid":"x",`+member+`}`, h.claims(), rs256(h.otherRSA)), "header: brings its own key")
		h.bySet("header "+name+", good signature", compact(`{"alg":"RS256","kid":"rsa",`+member+`}`, h.claims(), rs256(h.rsa)), "header: brings its own key")
		h.bySecret("header "+name, compact(`{"alg":"HS256",`+member+`}`, h.claims(), h.secret), "header: brings its own key")
	}
	h.bySet("header JKU", compact(`{"alg":"RS256","kid":"x","JKU":"`+h.canary+`"}`, h.claims(), rs256(h.otherRSA)), "kid: is unknown")
	h.bySecret("typ number", compact(`{"alg":"HS256","typ":1}`, h.claims(), h.secret), "expected a string")
}

func hmacOf(sum func() hash.Hash) signer {
	return func(signed string) string {
		h := hmac.New(sum, []byte(testSecret))
		h.Write([]byte(signed))
		return string(h.Sum(nil))
	}
}

func selfSigned(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	b, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
