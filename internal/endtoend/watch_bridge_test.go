package endtoend

import (
	"context"
	"io"
	"iter"

	"github.com/psasync/psasync/psa/bridge"
)

// A watchedBridge is a bridge all of whose words are taken in.
type watchedBridge struct {
	*bridge.Bridge
	watch *watch
}

func (b *watchedBridge) Once(ctx context.Context) (*bridge.Report, error) {
	defer b.watch.panics()
	rep, err := b.Bridge.Once(b.watch.trace(ctx))
	b.watch.result(inReport, rep, err)
	return rep, err
}

func (b *watchedBridge) Run(ctx context.Context) error {
	defer b.watch.panics()
	err := b.Bridge.Run(b.watch.trace(ctx))
	b.watch.failed(err)
	return err
}

func (b *watchedBridge) Plan(ctx context.Context) (*bridge.Plan, error) {
	defer b.watch.panics()
	p, err := b.Bridge.Plan(b.watch.trace(ctx))
	b.watch.result(inPlan, p, err)
	return p, err
}

func (b *watchedBridge) Apply(ctx context.Context, p *bridge.Plan) (*bridge.Report, error) {
	defer b.watch.panics()
	rep, err := b.Bridge.Apply(b.watch.trace(ctx), p)
	b.watch.result(inReport, rep, err)
	return rep, err
}

func (b *watchedBridge) Tasks(ctx context.Context, f bridge.TaskFilter) iter.Seq2[bridge.TaskView, error] {
	return b.tasks(b.Bridge.Tasks(b.watch.trace(ctx), f))
}

func (b *watchedBridge) Quarantine(ctx context.Context) iter.Seq2[bridge.TaskView, error] {
	return b.tasks(b.Bridge.Quarantine(b.watch.trace(ctx)))
}

func (b *watchedBridge) tasks(in iter.Seq2[bridge.TaskView, error]) iter.Seq2[bridge.TaskView, error] {
	return func(yield func(bridge.TaskView, error) bool) {
		defer b.watch.panics()
		for t, err := range in {
			b.watch.result(inTask, t, err)
			if !yield(t, err) {
				return
			}
		}
	}
}

func (b *watchedBridge) Show(ctx context.Context, id string) (*bridge.TaskView, error) {
	defer b.watch.panics()
	v, err := b.Bridge.Show(b.watch.trace(ctx), id)
	b.watch.result(inTask, v, err)
	return v, err
}

func (b *watchedBridge) Resolve(ctx context.Context, id string, a bridge.Answer) error {
	defer b.watch.panics()
	err := b.Bridge.Resolve(b.watch.trace(ctx), id, a)
	b.watch.failed(err)
	return err
}

func (b *watchedBridge) ResolveNow(ctx context.Context, id string, a bridge.Answer) (*bridge.Report, error) {
	defer b.watch.panics()
	rep, err := b.Bridge.ResolveNow(b.watch.trace(ctx), id, a)
	b.watch.result(inReport, rep, err)
	return rep, err
}

func (b *watchedBridge) Readiness(ctx context.Context, companies ...string) (*bridge.ReadinessReport, error) {
	defer b.watch.panics()
	rep, err := b.Bridge.Readiness(b.watch.trace(ctx), companies...)
	b.watch.result(inStatus, rep, err)
	return rep, err
}

func (b *watchedBridge) Status(ctx context.Context) (*bridge.Status, error) {
	defer b.watch.panics()
	s, err := b.Bridge.Status(b.watch.trace(ctx))
	b.watch.result(inStatus, s, err)
	return s, err
}

func (b *watchedBridge) Disconnect(ctx context.Context) (*bridge.DisconnectReport, error) {
	defer b.watch.panics()
	rep, err := b.Bridge.Disconnect(b.watch.trace(ctx))
	b.watch.result(inReport, rep, err)
	return rep, err
}

func (b *watchedBridge) WriteLinks(ctx context.Context, out io.Writer) error {
	defer b.watch.panics()
	err := b.Bridge.WriteLinks(b.watch.trace(ctx), io.MultiWriter(out, b.watch.writer(inReport)))
	b.watch.failed(err)
	return err
}

// everything asks for all that a bridge tells without a request.
func (b *watchedBridge) everything(ctx context.Context) {
	_, _ = b.Status(ctx) // errors are words, too
	for _, err := range b.Tasks(ctx, bridge.TaskFilter{}) {
		b.watch.failed(err)
	}
	for _, err := range b.Quarantine(ctx) {
		b.watch.failed(err)
	}
	_ = b.WriteLinks(ctx, io.Discard)
}
