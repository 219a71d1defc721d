package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	scramRounds = 4096 // the server's own default
	scramSalt   = 16
)

// forServer returns what CREATE ROLE gets for a password: its verifier, from
// which nobody gets it back, so that it never reaches the server's log. Only the
// server knows how it prepares characters beyond ASCII, so that a password with
// such goes to it as it is.
func forServer(password string) (string, error) {
	if strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r > '~' }) {
		return password, nil
	}
	salt := make([]byte, scramSalt)
	_, _ = rand.Read(salt) // never fails
	return verifier(password, salt)
}

// verifier returns what the server keeps of a password of ASCII (RFC 5802,
// chapter 3, and RFC 5803).
func verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("make the password's verifier: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramRounds, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text)) // a hash takes everything
	return mac.Sum(nil)
}
