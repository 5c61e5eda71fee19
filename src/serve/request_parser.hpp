#pragma once

#include "serve/http_server.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace fanfold::serve {

/// Reads one request from bytes as they come.
class RequestParser {
 public:
  enum class State : std::uint8_t {
    incomplete,  ///< More bytes are wanted.
    complete,
    refused  ///< No request: `refusal` is the answer, after which the connection cannot go on.
  };

  explicit RequestParser(std::size_t body_bytes_max);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes what it needs of `bytes`, and says how much that was.
  std::size_t put(std::string_view bytes);
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Answer& refusal() const noexcept { return refusal_; }

  // Of a complete one.
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  [[nodiscard]] bool is_head() const noexcept { return is_head_; }
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }

 private:
  struct Parser;
  [[nodiscard]] bool is_refused_by_header();
  void complete();
  void refuse(int status, std::string why);

  std::unique_ptr<Parser> parser_;
  State state_ = State::incomplete;
  Request request_;
  bool is_head_ = false;
  bool keeps_alive_ = false;
  Answer refusal_;
};

/// A short answer in words.
[[nodiscard]] Answer plain_answer(int status, std::string text);

}  // namespace fanfold::serve
