#pragma once

#include <fanfold/client.hpp>

#include <string_view>

namespace fanfold {

/// Opens the store that FANFOLD_STORE names, or `store_default` where it names none, so that one program works on any
/// store: "aws" is SQS, DynamoDB and S3 as aws::open() finds them, everything else the file of an embedded store.
/// sqlite::open and aws::open take options instead, and ignore FANFOLD_STORE. Errors: invalid_argument (no name at all,
/// or "aws" in a build without it); those of these two.
[[nodiscard]] Result<Client> open(std::string_view store_default);

}  // namespace fanfold
