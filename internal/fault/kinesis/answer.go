package kinesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// An answer is what a client is told.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// refusal returns an error as awsJson 1.1 has them.
func refusal(status int, errorType, message string) *answer {
	return jsonAnswer(status, http.Header{"X-Amzn-Errortype": {errorType}}, map[string]string{"__type": errorType, "message": message})
}

func jsonAnswer(status int, header http.Header, value any) *answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("fault/kinesis: write an answer: %v", err)) // a Rewrite put in what JSON does not know
	}
	header.Set("Content-Type", "application/x-amz-json-1.1")
	return &answer{status, header, body}
}

// gate returns the answer to a call that is not forwarded, or nil. put is nil for
// other operations than PutRecords.
func (p *Proxy) gate(c *call, put *putRecords) *answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.rules.credentials(c.header)
	if a == nil {
		a = p.rules.answers[c.operation]
	}
	if a == nil && put != nil {
		a = p.rules.limits.refuse(put)
	}
	if a != nil {
		p.seen.Refused++
		return a
	}
	if p.rules.spare > 0 {
		p.rules.spare--
		return nil
	}
	p.rules.spare = gap(p.random, p.rules.fail)
	p.seen.Failed++
	if p.random.IntN(2) == 0 {
		return refusal(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	}
	return internalFailure()
}

func internalFailure() *answer {
	return refusal(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
}

// credentials returns the answer to a call that Kinesis does not believe.
func (r rules) credentials(h http.Header) *answer {
	_, credential, _ := strings.Cut(h.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	if r.expired[key] {
		return refusal(http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired")
	}
	const form, most = "20060102T150405Z", 5 * time.Minute
	signed, err := time.Parse(form, h.Get("X-Amz-Date"))
	if err != nil {
		return nil // who does not sign is the target's to refuse
	}
	now := time.Now().Add(r.skew).UTC()
	var why string
	switch early, late := now.Add(-most), now.Add(most); {
	case signed.Before(early.Truncate(time.Second)):
		why = fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", signed.Format(form), early.Format(form), now.Format(form))
	case signed.After(late):
		why = fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", signed.Format(form), late.Format(form), now.Format(form))
	default:
		return nil
	}
	return refusal(http.StatusForbidden, "InvalidSignatureException", why)
}

// rewrite changes a target's answer as it was told.
func (p *Proxy) rewrite(operation string, a *answer) *answer {
	now, _ := p.now()
	change := now.rewrites[operation]
	if change == nil {
		return a
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	body := map[string]any{}
	if err := decoder.Decode(&body); err != nil {
		return a // it has no body to change
	}
	change(body)
	return jsonAnswer(a.status, a.header, body)
}
