package kinesis

import (
	"context"
	"errors"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tailrace/tailrace/internal/failure"
)

// A provider marks the errors of those that give credentials: they are no answers
// of Kinesis, and their texts may hold what was given.
type provider struct{ aws.CredentialsProvider }

// A credentialsError says that there are no credentials. Its text has none of the
// cause's.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "no credentials" }
func (e *credentialsError) Unwrap() error { return e.err }

// Retrieve implements aws.CredentialsProvider.
func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.CredentialsProvider == nil {
		return aws.Credentials{}, &credentialsError{errors.New("no provider")}
	}
	found, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &credentialsError{err}
	}
	return found, nil
}

// credentials looks whether there are any.
func (p *Publisher) credentials(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.AnswerLimit)
	defer cancel()
	_, err := provider{p.cfg.AWS.Credentials}.Retrieve(ctx)
	if err != nil {
		return p.explain(p.cfg.Stream, err)
	}
	return nil
}

// explainCredentials says why there are no credentials for a stream: a person has
// to mend what was refused, and time may mend the rest.
func explainCredentials(stream string, e *credentialsError) error {
	const hint = "mend what AWS's SDK finds them by: AWS_ACCESS_KEY_ID, AWS_PROFILE, or the role of the task, pod or instance, as docs/kinesis.md lists"
	var answer *smithyhttp.ResponseError
	var process *processcreds.ProviderError
	var session *ssocreds.InvalidTokenError
	var network *url.Error
	code := codeOf(e.err)
	switch {
	case code != "" && errors.As(e.err, &answer) && refuses(answer.HTTPStatusCode()) && !passing(code):
		return failure.StopFrom(errors.New(code), hint, "the credentials for the stream %s are refused to Tailrace by who gives them", stream)
	case errors.As(e.err, &session):
		return failure.Stop("run aws sso login", "the SSO session that gives the credentials for the stream %s is missing or over", stream)
	}
	reason := "there are none in the environment, in shared files, or by the role of a task, pod or instance"
	switch {
	case errors.As(e.err, &process):
		reason = "the program of credential_process has failed"
	case code != "":
		reason = "the answer is " + code
	case errors.Is(e.err, context.DeadlineExceeded), errors.Is(e.err, os.ErrDeadlineExceeded):
		reason = "no answer in time"
	case errors.As(e.err, &network):
		reason = network.Err.Error()
	}
	return failure.Retry(errors.New("find credentials for the stream " + stream + ": " + reason))
}
