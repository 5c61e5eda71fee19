#pragma once

#include "backends/sqlite/transaction.hpp"

namespace fanfold::sqlite {

/// Messages of a round whose finish message has ended can have no effect any more: whoever receives one deletes it. The
/// file does that itself, since nobody may ever receive from that queue again.

/// True for a finish message that is sent when its round is over: its sender was slower than another one's message.
[[nodiscard]] bool is_void_finish(Transaction& transaction, const Envelope& content);

/// Removes every copy of a round's finish message from every queue, and the messages of its ended tasks whose deletion
/// was cut off. To be called in the transaction that marks the finish message as done.
void remove_void_messages(Transaction& transaction, const ClusterRow& row, const ClusterHeader& header, Time now);

/// Removes all messages that the cluster itself sent: it is deleted.
void remove_cluster_messages(Transaction& transaction, std::string_view id, Time now);

}  // namespace fanfold::sqlite
