import Synchronization

/// How many bytes of requests and responses in flight all connections of a process may hold together.
///
/// Safe to share between threads: a decision costs a few atomic additions. Connections without an accepted token share a
/// part of it, so that they cannot spend what callers with tokens need, and no address can hold all of that part.
package final class ByteBudget: Sendable {
    /// Connections whose bytes make space for another one.
    enum Holders: Hashable {
        case all
        /// Those without an accepted token.
        case untrusted
        /// Those without an accepted token from one address.
        case address(IPAddress)
    }

    /// What is missing for a reservation.
    struct Shortage: Equatable {
        let bytes: Int
        /// Who must release them.
        let holders: Holders
    }

    /// What all connections may hold.
    package let bytesMax: Int
    /// Of these: what connections without an accepted token may hold, by address.
    private let untrustedShare: FairShare
    private let used = Atomic(0)
    private let untrusted = Atomic(0)
    private let highest = Atomic(0)

    package init(bytesMax: Int, untrustedBytesMax: Int) {
        precondition(bytesMax > 0 && 0...bytesMax ~= untrustedBytesMax)
        self.bytesMax = bytesMax
        untrustedShare = FairShare(of: untrustedBytesMax)
    }

    /// The bytes that are held now.
    package var held: Int { used.load(ordering: .relaxed) }

    /// The most bytes that were held at a time since the last call.
    package func takePeak() -> Int { max(highest.exchange(held, ordering: .relaxed), held) }

    /// - Parameter address: What the address of a connection without a token holds; `nil` when it has none, and so no
    ///   share of its own.
    /// - Returns: False when there is not enough left; then nothing is reserved.
    func reserve(_ bytes: Int, isTrusted: Bool, from address: AddressBytes?) -> Bool {
        guard isTrusted || reserveUntrusted(bytes, from: address) else { return false }
        guard Self.add(bytes, to: used, upTo: bytesMax) else {
            if !isTrusted { releaseUntrusted(bytes, from: address) }
            return false
        }
        let now = held
        // Two threads may race here; the peak is then too low by what one of them has reserved.
        if now > highest.load(ordering: .relaxed) { highest.store(now, ordering: .relaxed) }
        return true
    }

    func release(_ bytes: Int, isTrusted: Bool, from address: AddressBytes?) {
        used.wrappingSubtract(bytes, ordering: .relaxed)
        if !isTrusted { releaseUntrusted(bytes, from: address) }
    }

    /// The connection that holds these bytes has presented an accepted token.
    func trust(_ bytes: Int, from address: AddressBytes?) { releaseUntrusted(bytes, from: address) }

    /// What must be released before so many bytes can be reserved; `nil` when they can be now.
    func shortage(of bytes: Int, isTrusted: Bool, from address: AddressBytes?) -> Shortage? {
        let missing = held + bytes - bytesMax
        if !isTrusted {
            let own = address.map { $0.held + bytes } ?? 0
            let missingUntrusted = untrusted.load(ordering: .relaxed) + bytes - untrustedShare.limit(using: own)
            if missingUntrusted > 0 {
                let holders = address.flatMap { own > untrustedShare.part ? Holders.address($0.address) : nil }
                return Shortage(bytes: max(missing, missingUntrusted), holders: holders ?? .untrusted)
            }
        }
        return missing > 0 ? Shortage(bytes: missing, holders: .all) : nil
    }

    private func reserveUntrusted(_ bytes: Int, from address: AddressBytes?) -> Bool {
        let own = address?.add(bytes) ?? 0
        if Self.add(bytes, to: untrusted, upTo: untrustedShare.limit(using: own)) { return true }
        address?.subtract(bytes)
        return false
    }

    private func releaseUntrusted(_ bytes: Int, from address: AddressBytes?) {
        untrusted.wrappingSubtract(bytes, ordering: .relaxed)
        address?.subtract(bytes)
    }

    private static func add(_ bytes: Int, to counter: borrowing Atomic<Int>, upTo limit: Int) -> Bool {
        let sum = counter.wrappingAdd(bytes, ordering: .relaxed).newValue
        if sum <= limit { return true }
        counter.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }
}
