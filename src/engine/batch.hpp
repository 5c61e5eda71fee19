#pragma once

#include "engine/dispatch.hpp"

namespace fanfold::engine {

/// All records of one event, one after the other on this thread: neighbours that are delivered first are claimed
/// together, others singly; of a FIFO group, what follows a failure is returned untouched. Messages are deleted here,
/// unless the event came from Lambda (its sources are ARNs), which deletes what the response does not list. What cannot
/// be read, as its payload cannot be fetched, stays in the queue and counts as a failure. Errors: those of the store
/// that no retry mends; invalid_argument.
Result<BatchResponse> process_batch(Store& store, const std::shared_ptr<detail::ClientCore>& core,
                                    const SqsEvent& event, const Handlers& handlers, const BatchOptions& options);

/// The delivery that a record stands for. Where its body cannot be read it carries the text alone: the dispatcher finds
/// the error again and keeps it in the message's record. Its payload may be still to be fetched. Errors: bad_input for
/// a source that is no queue.
Result<Delivery> delivery_to_dispatch(const SqsRecord& record);

}  // namespace fanfold::engine
