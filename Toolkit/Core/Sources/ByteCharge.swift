import Synchronization

/// What one connection has reserved of a ``ByteBudget``.
///
/// Safe to share between threads: while the connection reserves and releases, a request of another one may revoke it.
final class ByteCharge: Sendable {
    private struct State {
        var bytes = 0
        /// A token was accepted on the connection.
        var isTrusted = false
        /// Nothing is reserved any more.
        var isRevoked = false
    }

    private let budget: ByteBudget
    let address: AddressBytes?
    private let state = Mutex(State())

    /// - Parameter address: `nil` when the connection has none, and so no share of its own.
    init(of budget: ByteBudget, from address: AddressBytes?) {
        self.budget = budget
        self.address = address
    }

    /// Reserves what is missing of so many bytes.
    ///
    /// - Returns: False when there is not enough left, and after ``revoke()``; then nothing is reserved.
    func raise(to bytes: Int) -> Bool {
        state.withLock { state in
            guard !state.isRevoked else { return false }
            let missing = bytes - state.bytes
            guard missing > 0 else { return true }
            guard budget.reserve(missing, isTrusted: state.isTrusted, from: address) else { return false }
            state.bytes = bytes
            return true
        }
    }

    /// Releases what is more than so many bytes.
    func lower(to bytes: Int) {
        state.withLock { state in
            guard state.bytes > bytes else { return }
            budget.release(state.bytes - bytes, isTrusted: state.isTrusted, from: address)
            state.bytes = bytes
        }
    }

    /// A token was accepted on the connection; a repeat does nothing.
    func trust() {
        state.withLock { state in
            guard !state.isTrusted else { return }
            state.isTrusted = true
            budget.trust(state.bytes, from: address)
        }
    }

    /// Releases everything at once, and reserves nothing from here on; a repeat does nothing.
    func revoke() {
        state.withLock { state in
            state.isRevoked = true
            budget.release(state.bytes, isTrusted: state.isTrusted, from: address)
            state.bytes = 0
        }
    }

    /// What others must release before ``raise(to:)`` succeeds; `nil` when it does now, or never.
    func shortage(raisingTo bytes: Int) -> ByteBudget.Shortage? {
        state.withLock { state in
            guard !state.isRevoked, bytes > state.bytes else { return nil }
            return budget.shortage(of: bytes - state.bytes, isTrusted: state.isTrusted, from: address)
        }
    }

    /// The bytes that a ``revoke()`` would release; 0 when the connection is none of `holders`.
    func bytes(among holders: ByteBudget.Holders) -> Int {
        state.withLock { state in
            switch holders {
            case .all: state.bytes
            case .untrusted: state.isTrusted ? 0 : state.bytes
            case .address(let other): state.isTrusted || address?.address != other ? 0 : state.bytes
            }
        }
    }
}
