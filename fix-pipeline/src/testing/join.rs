//! Futures side by side, without a runtime.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls `futures` in turn until all are done; the answers keep their order.
pub(crate) async fn join_all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    poll_fn(|context| {
        for (future, answer) in &mut slots {
            if let Some(Poll::Ready(value)) = future.as_mut().map(|future| future.as_mut().poll(context)) {
                *answer = Some(value);
                *future = None;
            }
        }
        if slots.iter().all(|(future, _)| future.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, answer)| answer).collect()
}

/// The answer of `call`, or `None` when `over` is done first.
pub(crate) async fn first_of<T>(
    mut call: Pin<&mut impl Future<Output = T>>,
    mut over: Pin<&mut impl Future<Output = ()>>,
) -> Option<T> {
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => over.as_mut().poll(context).map(|()| None),
    })
    .await
}
