package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/text/secure/precis"
)

const (
	scramRounds = 4096 // the server's own default
	scramSalt   = 16
)

// forServer returns what CREATE ROLE gets for a password: its verifier, from
// which nobody gets it back, so that it never reaches the server's log.
func forServer(password string) (string, error) {
	salt := make([]byte, scramSalt)
	_, _ = rand.Read(salt) // never fails
	return verifier(password, salt)
}

// verifier returns what the server keeps of a password (RFC 5802, chapter 3, and
// RFC 5803).
func verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, prepared(password), salt, scramRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("make the password's verifier: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramRounds, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

// prepared returns a password as a login uses it: with SCRAM it is the client who
// prepares it, and ours is pgx. It goes by PRECIS in place of SASLprep, which differ
// in few characters only, and like Postgres takes the bytes as they are where that
// can't be done.
func prepared(password string) string {
	if strings.ContainsFunc(password, isUnassigned) {
		return password
	}
	text, err := precis.OpaqueString.String(password)
	if err != nil {
		return password
	}
	return text
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text)) // a hash takes everything
	return mac.Sum(nil)
}
