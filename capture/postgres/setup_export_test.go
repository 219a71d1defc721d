package postgres

// Verifier is verifier, for a salt that a server has chosen.
func Verifier(password string, salt []byte) (string, error) { return verifier(password, salt) }
