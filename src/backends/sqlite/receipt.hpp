#pragma once

#include "backends/sqlite/database.hpp"

namespace fanfold::sqlite {

/// Names one delivery of one message. A task's message is its slot: `t<tree>.<position>.<generation>`; all others are
/// rows: `m<number>`. A receipt has `.<receive count>` behind it. All numbers are in base 32, so that most fit without
/// allocation.
struct Receipt {
  bool is_slot = false;
  Number number = 0;             ///< Of the tree, or of the message's row.
  std::uint64_t position = 0;    ///< Slots only.
  std::uint32_t generation = 0;  ///< Slots only.
  std::uint32_t receive_count = 0;
};

[[nodiscard]] std::string message_id_of(const Receipt& receipt);
[[nodiscard]] std::string receipt_text(const Receipt& receipt);
/// Empty where the text is no receipt of ours: stale by definition.
[[nodiscard]] std::optional<Receipt> parse_receipt(std::string_view text);

}  // namespace fanfold::sqlite
