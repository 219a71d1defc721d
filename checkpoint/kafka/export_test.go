package kafka

import "time"

// SetTransactionTimeout lets a test see one pass.
func SetTransactionTimeout(s *Store, d time.Duration) { s.timeout = d }
