// Package kinesis is the bad Kinesis of tests: an HTTP proxy in front of a stand-in
// that throttles, refuses, loses and delays calls as Amazon's does and the stand-ins
// don't, and that looks at what the client does to the order of records.
//
// It speaks awsJson 1.1. A call goes through the rules in this order, and the first
// that answers it ends it: Freeze, Expire, Skew, Answer, the limits of a call, Fail;
// then Drop and the rates take single records out of a PutRecords; the rest is
// forwarded; Lose, and at last Rewrite, are about the target's answer. All calls are
// subject to Freeze, Expire, Skew, Fail and Lose, not only PutRecords.
package kinesis
