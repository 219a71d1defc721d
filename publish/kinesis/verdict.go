package kinesis

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tailrace/tailrace/internal/failure"
)

// Codes that a second attempt may mend: the SDK has learnt from the answer by how
// much the clock is wrong, or fetches credentials anew.
var (
	clockCodes   = []string{"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "AuthFailure"}
	expiredCodes = []string{"ExpiredTokenException", "ExpiredToken"}
)

// ask makes a call, and a second time if what refused the first is mended by
// that. Neither was carried out when it was refused so.
func (p *Publisher) ask(ctx context.Context, call func() error) error {
	renewals := p.renewals.Load()
	err := call()
	switch code := codeOf(err); {
	case slices.Contains(expiredCodes, code):
		// Another call may have had new ones fetched since.
		if cache, ok := p.cfg.AWS.Credentials.(*aws.CredentialsCache); ok && p.renewals.CompareAndSwap(renewals, renewals+1) {
			cache.Invalidate()
		}
	case !slices.Contains(clockCodes, code):
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	return call()
}

// codeOf returns the service's code for err, "" if it has none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// hints say what to do about codes that only a person can mend.
var hints = map[string]string{
	"ResourceNotFoundException":   "create it, or mend its name or the region",
	"AccessDeniedException":       "allow kinesis:PutRecords, kinesis:DescribeStreamSummary and kinesis:ListShards on it, as docs/kinesis.md shows",
	"KMSAccessDeniedException":    "allow kms:GenerateDataKey with the stream's key",
	"KMSDisabledException":        "enable the stream's key",
	"KMSInvalidStateException":    "see the state of the stream's key",
	"KMSNotFoundException":        "give the stream a key that exists",
	"KMSOptInRequired":            "let the account use KMS",
	"UnrecognizedClientException": "see whether the access key exists and is active",
	"InvalidClientTokenId":        "see whether the access key exists and is active",
	"InvalidSignatureException":   "see whether the secret key is right, and the clock of this machine",
	"SignatureDoesNotMatch":       "see whether the secret key is right, and the clock of this machine",
	"ExpiredTokenException":       "give it new ones, best by a role, whose credentials are renewed by themselves",
	"ExpiredToken":                "give it new ones, best by a role, whose credentials are renewed by themselves",
	"ValidationException":         "see whether the stream's maximum record size was lowered",
	"InvalidArgumentException":    "see whether the stream's maximum record size was lowered",
}

// explain says what it means that a call for a stream failed: an error of the
// class Retry or Stop. The texts of refusals stay out of it, since some repeat
// what was sent, session token included.
func (p *Publisher) explain(stream string, err error) error {
	if p.life.Err() != nil && errors.Is(err, context.Canceled) {
		return failure.Retry(context.Cause(p.life))
	}
	var lacking *credentialsError
	if errors.As(err, &lacking) {
		return explainCredentials(stream, lacking)
	}
	code := codeOf(err)
	var answer *smithyhttp.ResponseError
	status := 0
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
	}
	short := errors.New(code)
	switch {
	case code == "" || code == "UnknownError" && !refuses(status):
		return failure.Retry(fmt.Errorf("reach Kinesis %s for the stream %s: %w", p.where(), stream, outage(err, status)))
	case slices.Contains(expiredCodes, code) && p.renews():
		return failure.Retry(fmt.Errorf("the credentials for the stream %s have expired and are not renewed yet: %w", stream, short))
	case hints[code] != "":
		return failure.StopFrom(short, hints[code], "%s", p.sentence(code, stream))
	case refuses(status) && !passing(code):
		return failure.StopFrom(short, "see what the service's documentation says of this code", "Kinesis refuses calls for the stream %s", stream)
	}
	return failure.Retry(fmt.Errorf("the stream %s: %w", stream, short))
}

// where says where the service is.
func (p *Publisher) where() string {
	if given := p.client.Options().BaseEndpoint; given != nil {
		return "at " + *given
	}
	return "in " + p.cfg.AWS.Region
}

func (p *Publisher) sentence(code, stream string) string {
	switch code {
	case "ResourceNotFoundException":
		return "there is no stream " + stream + " " + p.where()
	case "AccessDeniedException":
		return "these credentials may not use the stream " + stream
	case "ExpiredTokenException", "ExpiredToken":
		return "the credentials for the stream " + stream + " have expired"
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return "the credentials for the stream " + stream + " are refused"
	case "ValidationException", "InvalidArgumentException":
		return "the stream " + stream + " refuses a record"
	}
	return "the key that encrypts the stream " + stream + " can't be used"
}

// refuses reports whether an answer of this status is about the request. That
// there are too many of them is not.
func refuses(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// passing reports whether a code is one of those that time mends.
func passing(code string) bool {
	for _, word := range []string{"Throttl", "ProvisionedThroughputExceeded", "LimitExceeded", "TooManyRequests", "InternalFailure", "InternalError", "IDPCommunicationError", "ServiceUnavailable", "RequestTimeout", "ResourceInUse", "SlowDown"} {
		if strings.Contains(code, word) {
			return true
		}
	}
	return slices.Contains(clockCodes, code)
}

// renews reports whether other credentials than those that have expired can come
// without a person.
func (p *Publisher) renews() bool {
	if p.cfg.AWS.Credentials == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(p.life, p.cfg.AnswerLimit)
	defer cancel()
	now, err := p.cfg.AWS.Credentials.Retrieve(ctx)
	return err != nil || now.CanExpire
}

// outage returns the reason inside an error of the SDK, which names the operation
// and the request in several ways.
func outage(err error, status int) error {
	var inner *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &inner):
		return inner.Err
	case status != 0:
		return fmt.Errorf("an answer of status %d that can't be read", status)
	}
	return errors.New("the call could not be made, or its answer not be read")
}
