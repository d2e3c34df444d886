package auth_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// serialisations adds other serialisations than the compact one.
func (h *hostiles) serialisations() {
	parts := strings.Split(h.goodHS, ".")
	for name, token := range map[string]string{
		"no dot": "x", "1 dot": parts[0] + "." + parts[1], "3 dots": h.goodHS + ".", "4 parts": h.goodHS + ".x",
		"4,096 dots": strings.Repeat(".", 4096), "JWE": h.goodHS + ".AAAA.AAAA", "leading dot": "." + h.goodHS,
		"flattened JSON": `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"general JSON":   `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
	} {
		h.bySecret(name, token, "does not have three parts")
	}
	h.bySecret("100,000 dots", strings.Repeat(".", 100_000), "longer than 65536")
	h.bySecret("1 MiB", h.goodHS+strings.Repeat("A", 1<<20), "longer than 65536")
	h.bySecret("only dots", "..", "header: is not one JSON object")
	h.bySecret("empty header", "."+parts[1]+"."+parts[2], "header: is not one JSON object")
	h.bySecret("empty claims", compact(plainHeader, "", h.secret), "claims: are not one JSON object")
	h.bySecret("detached claims", parts[0]+".."+parts[2], "claims: are not one JSON object")
	h.bySecret("empty signature", parts[0]+"."+parts[1]+".", "signature: is not")
	for name, space := range map[string]string{"space": " ", "tab": "\t", "NUL": "\x00", "no-break space": "\u00a0", "zero-width space": "\u200b", "plus": "+", "slash": "/", "percent": "%2E", "quote": `"`} {
		h.bySecret(name+" after it", h.goodHS+space, "not base64url")
		h.bySecret(name+" before it", space+h.goodHS, "not base64url")
		h.bySecret(name+" within", parts[0]+"."+parts[1][:8]+space+parts[1][8:]+"."+parts[2], "not base64url")
	}
	for name, feed := range map[string]string{"LF": "\n", "CR": "\r", "CR LF": "\r\n"} {
		h.bySecret(name+" after it", h.goodHS+feed, "contains a line break")
		h.bySecret(name+" before it", feed+h.goodHS, "contains a line break")
		h.bySecret(name+" within", h.goodHS[:20]+feed+h.goodHS[20:], "contains a line break")
	}
	for p, part := range []string{"header", "claims", "signature"} {
		padded := []string{parts[0], parts[1], parts[2]}
		padded[p] += strings.Repeat("=", (4-len(padded[p])%4)%4)
		if padded[p] == parts[p] {
			padded[p] += "===="
		}
		h.bySecret("padded "+part, strings.Join(padded, "."), "not base64url")
	}
	// A text whose base64 has both characters in which the alphabets differ.
	odd := h.claims("sub", `"?>?>?>~~~"`)
	standard := base64.RawStdEncoding.EncodeToString([]byte(odd))
	for !strings.ContainsAny(standard, "+/") {
		odd += " "
		standard = base64.RawStdEncoding.EncodeToString([]byte(odd))
	}
	h.bySecret("standard base64", encode(plainHeader)+"."+standard+"."+encode(h.secret(encode(plainHeader)+"."+standard)), "claims: are not base64url")
}

// texts adds JSON that is none, or says two things.
func (h *hostiles) texts() {
	for name, header := range map[string]string{
		"header not UTF-8": "{\"alg\":\"HS256\",\"x\":\"\xff\"}", "header twice": `{"alg":"HS256"}{"alg":"HS256"}`, "header with more after it": `{"alg":"HS256"}x`,
		"header with a comment": `{"alg":"HS256"/**/}`, "header cut": `{"alg":"HS256"`, "header with BOM": "\ufeff" + `{"alg":"HS256"}`,
		"header trailing comma": `{"alg":"HS256",}`, "alg twice": `{"alg":"none","alg":"HS256"}`, "alg twice, other order": `{"alg":"HS256","alg":"none"}`,
		"alg twice, escaped": `{"alg":"HS256","\u0061lg":"none"}`, "unknown header twice": `{"alg":"HS256","x":1,"x":1}`, "nested header twice": `{"alg":"HS256","x":{"y":1,"y":1}}`,
		"header with a lone surrogate": `{"alg":"HS256","x":"\ud800"}`, "header with single quotes": `{'alg':'HS256'}`, "header NaN": `{"alg":"HS256","x":NaN}`,
		"header nested deep": `{"alg":"HS256","x":` + strings.Repeat("[", 2000),
	} {
		h.bySecret(name, compact(header, h.claims(), h.secret), "header")
	}
	for name, header := range map[string]string{"header array": `["HS256"]`, "header string": `"HS256"`, "header null": `null`, "header number": `1`} {
		h.bySecret(name, compact(header, h.claims(), h.secret), "expected an object")
	}
	for name, text := range map[string]string{
		"claims not UTF-8": h.claims("x", "\"\xff\xfe\""), "sub not UTF-8": h.claims("sub", "\"kim\xc0\xaf\""), "claims twice": h.claims() + h.claims(), "claims with more after them": h.claims() + "]",
		"claims cut": strings.TrimSuffix(h.claims(), "}"), "claims with a comment": h.claims() + "//", "claims in UTF-16": utf16(h.claims()),
		"lone surrogate": h.claims("sub", `"\ud800"`), "nested member twice": h.claims("x", `{"a":{"b":1,"b":2}}`), "claims with BOM": "\ufeff" + h.claims(),
		"nested deep and cut": h.claims("x", strings.Repeat("[", 2000)), "Infinity": h.claims("x", "Infinity"), "leading zero": h.claims("x", "01"), "hexadecimal": h.claims("exp", "0x7fffffff"),
		"raw line break in a string": h.claims("sub", "\"a\nb\""),
	} {
		h.byClaims(name, text, "claims: ")
	}
	for name, text := range map[string]string{"claims array": "[" + h.claims() + "]", "claims string": `"` + encode(h.claims()) + `"`, "claims null": "null", "claims a token": h.goodHS} {
		h.byClaims(name, text, "")
	}
	for _, member := range []string{"iss", "aud", "sub", "exp", "role", "stores", "x"} {
		twice := map[string]string{"exp": "4000000000", "stores": `["store-9"]`}[member]
		if twice == "" {
			twice = `"ops"`
		}
		h.byClaims(member+" twice", `{"x":0,"`+member+`":`+twice+`,`+h.claims()[1:], "")
		h.byClaims(member+" twice, escaped", strings.TrimSuffix(h.claims("x", "0"), "}")+`,"`+fmt.Sprintf("\\u%04x", member[0])+member[1:]+`":`+twice+"}", "claims: are not")
	}
	h.byClaims("nested 10,000 deep", h.claims("x", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), "claims: are not")
	h.byClaims("stores nested 1,000 deep", h.claims("stores", strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), "expected a string")
}

// times adds times.
func (h *hostiles) times() {
	const whole = "expected whole seconds"
	for _, member := range []string{"exp", "nbf", "iat"} {
		for name, value := range map[string]string{
			"huge": "99999999999999999999999999", "above int64": "9223372036854775808", "int64": "9223372036854775807", "in the year 10000": "253402300800",
			"1e400": "1e400", "1e9": "1e9", "1E+400": "1E+400", "1e-400": "1e-400", "with a fraction": fmt.Sprint(h.later(600)) + ".5", "with a zero fraction": fmt.Sprint(h.later(600)) + ".0",
			"string": `"` + fmt.Sprint(h.later(600)) + `"`, "null": "null", "true": "true", "array": "[" + fmt.Sprint(h.later(600)) + "]", "object": "{}",
			"negative": "-1", "very negative": "-9223372036854775808", "date": `"2099-01-01T00:00:00Z"`, "a long fraction": "1." + strings.Repeat("0", 1000) + "1", "a long number": strings.Repeat("9", 1500),
		} {
			h.byClaims(member+" "+name, h.claims(member, value), whole)
		}
	}
	h.byClaims("exp missing", h.claims("exp", ""), "exp claim is required")
	for name, text := range map[string]string{
		"in 200 years":           h.claims("exp", fmt.Sprint(h.later(200*365*24*3600))),
		"at the end of time":     h.claims("exp", "253402300799"),
		"a second beyond a day":  h.claims("iat", fmt.Sprint(h.later(-60)), "exp", fmt.Sprint(h.later(24*3600-59))),
		"a day, without iat":     h.claims("iat", "", "exp", fmt.Sprint(h.later(24*3600+1))),
		"a year, issued then":    h.claims("iat", fmt.Sprint(h.later(-364*24*3600)), "exp", fmt.Sprint(h.later(24*3600))),
		"a year, without an iat": h.claims("iat", "", "exp", fmt.Sprint(h.later(365*24*3600))),
	} {
		h.byClaims("lives until "+name, text, "exp: is later than a token may live")
	}
	h.byClaims("EXP", h.claims("exp", "", "EXP", fmt.Sprint(h.later(600))), "exp claim is required")
	h.byClaims("exp zero", h.claims("exp", "0"), "expired")
	h.byClaims("exp minus zero", h.claims("exp", "-0"), "expired")
	h.byClaims("exp in milliseconds", h.claims("exp", fmt.Sprint(h.later(600)*1000)), whole)
	h.byClaims("expired 30 s ago", h.claims("exp", fmt.Sprint(h.later(-30))), "expired")
	h.byClaims("expired 31 s ago", h.claims("exp", fmt.Sprint(h.later(-31))), "expired")
	h.byClaims("not before 31 s from now", h.claims("nbf", fmt.Sprint(h.later(31))), "not valid yet")
	h.byClaims("issued 31 s from now", h.claims("iat", fmt.Sprint(h.later(31))), "used before issued")
	h.byClaims("expired before it was issued", h.claims("iat", fmt.Sprint(h.later(20)), "exp", fmt.Sprint(h.later(10))), "exp: is not after iat")
	h.byClaims("of no lifetime", h.claims("iat", fmt.Sprint(h.later(10)), "exp", fmt.Sprint(h.later(10))), "exp: is not after iat")
}

// names adds issuers, audiences and subjects.
func (h *hostiles) names() {
	for name, iss := range map[string]string{
		"wrong": `"https://evil.example"`, "with a slash": `"https://issuer.example/"`, "in another case": `"https://ISSUER.example"`, "with a suffix": `"https://issuer.example.evil.example"`,
		"with a space": `"https://issuer.example "`, "a part of it": `"https://issuer"`, "with NUL": `"https://issuer.example\u0000"`, "with a port": `"https://issuer.example:443"`, "its host alone": `"issuer.example"`,
	} {
		h.byClaims("iss "+name, h.claims("iss", iss), "invalid issuer")
	}
	h.byClaims("iss empty", h.claims("iss", `""`), "iss claim is required")
	h.byClaims("iss missing", h.claims("iss", ""), "iss claim is required")
	for name, value := range map[string]string{"array": `["https://issuer.example"]`, "null": "null", "number": "1", "object": `{"$ne":1}`} {
		h.byClaims("iss "+name, h.claims("iss", value), "expected a string")
		h.byClaims("sub "+name, h.claims("sub", value), "expected a string")
	}
	for name, aud := range map[string]string{
		"a part of it": `"jang"`, "more than it": `"jangbu2"`, "in another case": `"Jangbu"`, "several in one": `"other jangbu"`, "with a comma": `"jangbu,other"`, "a wildcard": `"*"`,
		"array of others": `["jang","bu","JANGBU"]`, "with a space": `[" jangbu"]`, "the issuer": `"https://issuer.example"`, "with NUL": `"jangbu\u0000"`,
	} {
		h.byClaims("aud "+name, h.claims("aud", aud), "invalid audience")
	}
	for name, aud := range map[string]string{"missing": "", "empty": `""`, "empty array": "[]", "array of empty": `[""]`} {
		h.byClaims("aud "+name, h.claims("aud", aud), "aud claim is required")
	}
	for name, aud := range map[string]string{
		"array of objects": `[{"aud":"jangbu"}]`, "array of arrays": `[["jangbu"]]`, "good one and an object": `["jangbu",{}]`, "null": "null", "number": "1", "object": `{"jangbu":true}`, "true": "true", "array with null": `["jangbu",null]`,
	} {
		h.byClaims("aud "+name, h.claims("aud", aud), "expected a string")
	}
	for name, sub := range map[string]string{"missing": "", "empty": `""`, "with control": `"a\u0007"`, "201 bytes": `"` + strings.Repeat("x", 201) + `"`, "with a line break": `"a\nlevel=INFO msg=ok"`} {
		h.byClaims("sub "+name, h.claims("sub", sub), "sub: expected")
	}
}

// roles adds roles and shops.
func (h *hostiles) roles() {
	for name, role := range map[string]string{
		"missing": "", "empty": `""`, "unknown": `"admin"`, "upper case": `"OWNER"`, "with a space": `"ops "`, "several": `"owner,ops"`, "homoglyph": `"оwner"`, "with NUL": `"ops\u0000"`,
	} {
		h.byClaims("role "+name, h.claims("role", role), "role: expected")
	}
	for name, role := range map[string]string{"array": `["ops"]`, "null": "null", "number": "0", "true": "true", "object": `{"ops":true}`} {
		h.byClaims("role "+name, h.claims("role", role), "expected a string")
	}
	h.byClaims("Role", h.claims("role", "", "Role", `"ops"`), "role: expected")
	for name, stores := range map[string]string{"string": `"store-1"`, "object": `{"0":"store-1"}`, "null": "null", "number": "1", "true": "true", "wildcard": `"*"`} {
		h.byClaims("stores "+name, h.claims("stores", stores), "expected an array")
		h.byClaims("stores "+name+", of an analyst", h.claims("stores", stores, "role", `"analyst"`), "expected an array")
	}
	for name, stores := range map[string]string{"missing": "", "empty": "[]"} {
		h.byClaims("stores "+name, h.claims("stores", stores), "an owner needs at least one")
	}
	for name, stores := range map[string]string{
		"with an empty one": `["store-1",""]`, "with control": `["a\u0000"]`, "with 201 bytes": `["` + strings.Repeat("x", 201) + `"]`, "with C1 control": `["\u0085"]`, "with 201 bytes of Korean": `["` + strings.Repeat("가", 67) + `"]`,
	} {
		h.byClaims("stores "+name, h.claims("stores", stores), "stores: expected")
		h.byClaims("stores "+name+", of ops", h.claims("stores", stores, "role", `"ops"`), "stores: expected")
	}
	for name, stores := range map[string]string{"with a number": `["store-1",1]`, "with null": `[null]`, "with an array": `[["store-1"]]`, "with an object": `[{}]`} {
		h.byClaims("stores "+name, h.claims("stores", stores), "expected a string")
	}
	h.byClaims("stores empty, of an analyst", h.claims("stores", "[]", "role", `"analyst"`), "stores: of an analyst, are none")
	h.byClaims("1,001 stores", h.claims("stores", `["s"`+strings.Repeat(`,"s"`, 1000)+"]"), "expected at most 1000")
}

func utf16(s string) string {
	var b bytes.Buffer
	for _, r := range s {
		b.WriteByte(0)
		b.WriteRune(r)
	}
	return b.String()
}

// kinds adds tokens that are no access tokens.
func (h *hostiles) kinds() {
	for _, member := range []string{"nonce", "at_hash", "c_hash"} {
		h.byClaims("ID token with "+member, h.claims(member, `"x"`), "typ: is that of an ID token")
		h.byClaims("ID token with "+member+" null", h.claims(member, "null"), "typ: is that of an ID token")
		h.bySecret("ID token with "+member+", of type JWT", compact(`{"alg":"HS256","typ":"JWT"}`, h.claims(member, `"x"`), h.secret), "typ: is that of an ID token")
	}
	for _, typ := range []string{"logout+jwt", "secevent+jwt", "dpop+jwt", "id_token", "JWS", "JOSE", "at+jwt2", " JWT", "text/jwt", "application/", "application/application/jwt"} {
		h.bySecret("typ "+typ, compact(`{"alg":"HS256","typ":"`+typ+`"}`, h.claims(), h.secret), "typ: expected at+jwt")
	}
}
