#pragma once

#include <fanfold/error.hpp>

#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace fanfold {

template <class T>
class Result;

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;
}  // namespace detail

/// A value or an Error; names as in std::expected.
///
/// A temporary has neither `if`, `*` nor `->`: name it first, or take `value()`, which throws ErrorException.
/// `Result<bool>` is refused, since `if (result)` would not say which of the two it asks.
template <class T>
class [[nodiscard]] Result {
  static_assert(!std::is_same_v<T, bool>, "Result<bool> is ambiguous in a condition: return an enum");
  static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, Error>);

 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }

  [[nodiscard]] explicit operator bool() const& noexcept { return has_value(); }
  explicit operator bool() const&& = delete;

  [[nodiscard]] const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const&& = delete;

  [[nodiscard]] const T* operator->() const& { return &std::get<0>(state_); }
  [[nodiscard]] T* operator->() & { return &std::get<0>(state_); }
  const T* operator->() const&& = delete;

  /// The value, or throws ErrorException. By value from a temporary, so that nothing dangles.
  [[nodiscard]] const T& value() const& {
    throw_if_error();
    return std::get<0>(state_);
  }
  [[nodiscard]] T& value() & {
    throw_if_error();
    return std::get<0>(state_);
  }
  T value() && {
    throw_if_error();
    return std::get<0>(std::move(state_));
  }

  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error error() && { return std::get<1>(std::move(state_)); }

  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? std::get<0>(state_) : static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return has_value() ? std::get<0>(std::move(state_)) : static_cast<T>(std::forward<U>(fallback));
  }

  /// Applies `function` to the value; an error passes through.
  template <class F>
  [[nodiscard]] auto transform(F&& function) const& -> Result<std::invoke_result_t<F, const T&>> {
    return apply_transform<std::invoke_result_t<F, const T&>>(std::forward<F>(function), *this);
  }
  template <class F>
  [[nodiscard]] auto transform(F&& function) && -> Result<std::invoke_result_t<F, T>> {
    return apply_transform<std::invoke_result_t<F, T>>(std::forward<F>(function), std::move(*this));
  }

  /// Like `transform` for a function that returns a Result itself.
  template <class F>
  [[nodiscard]] auto and_then(F&& function) const& -> std::invoke_result_t<F, const T&> {
    static_assert(detail::is_result<std::invoke_result_t<F, const T&>>);
    if (!has_value()) return std::get<1>(state_);
    return std::invoke(std::forward<F>(function), std::get<0>(state_));
  }
  template <class F>
  [[nodiscard]] auto and_then(F&& function) && -> std::invoke_result_t<F, T> {
    static_assert(detail::is_result<std::invoke_result_t<F, T>>);
    if (!has_value()) return std::get<1>(std::move(state_));
    return std::invoke(std::forward<F>(function), std::get<0>(std::move(state_)));
  }

 private:
  void throw_if_error() const {
    if (!has_value()) throw ErrorException(std::get<1>(state_));
  }

  template <class U, class F, class Self>
  static Result<U> apply_transform(F&& function, Self&& self) {
    if (!self.has_value()) return std::get<1>(std::forward<Self>(self).state_);
    if constexpr (std::is_void_v<U>) {
      std::invoke(std::forward<F>(function), std::get<0>(std::forward<Self>(self).state_));
      return {};
    } else {
      return std::invoke(std::forward<F>(function), std::get<0>(std::forward<Self>(self).state_));
    }
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  [[nodiscard]] explicit operator bool() const& noexcept { return !failed_; }
  explicit operator bool() const&& = delete;

  /// Throws ErrorException where this is an error.
  void value() const {
    if (failed_) throw ErrorException(error_);
  }
  [[nodiscard]] const Error& error() const& { return error_; }
  [[nodiscard]] Error error() && { return std::move(error_); }

  template <class F>
  [[nodiscard]] auto and_then(F&& function) const -> std::invoke_result_t<F> {
    if (failed_) return error_;
    return std::invoke(std::forward<F>(function));
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace fanfold
