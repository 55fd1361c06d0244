import HTTPTypes
import MartletContract
import MartletCore
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience

/// Decides who sends a request, and whether this caller may send it now; nothing of the body is read before.
///
/// A request without a token counts for its address, one with a valid token for its identity. A token that is not valid
/// counts for the address, too, and once there were too many, no token of the address is verified for a while.
struct GatewayCallers: Sendable {
    private let authenticator: TokenAuthenticator
    private let addresses: ClientAddressRule
    private let limiter: CallerLimiter

    init(authenticator: TokenAuthenticator, addresses: ClientAddressRule, limiter: CallerLimiter) {
        self.authenticator = authenticator
        self.addresses = addresses
        self.limiter = limiter
    }

    /// The caller of a request, which counts towards its limit; the response gets the headers about it.
    ///
    /// - Throws: `Fault` with `resourceExhausted` and the reason `rateLimited` when the caller has sent too many, with
    ///   `unauthenticated` for a token that is not valid.
    func admit(_ exchange: Exchange, to method: MethodDescriptor) throws -> GatewayCaller {
        let headers = exchange.request.headers
        let address = addresses.address(of: headers, peer: exchange.peer)
        guard headers[.authorization] != nil else {
            try require(limiter.admit(address, to: method.anonymousLimit), exchange)
            return GatewayCaller(address: address)
        }
        if let decision = limiter.check(address, of: .rejectedTokens), !decision.isAccepted {
            try require(decision, exchange)
        }
        let principal: Principal
        do {
            principal = try authenticator.principal(headers, from: exchange.peerIdentity)
        } catch {
            state(limiter.admit(address, to: .rejectedTokens), exchange)
            throw error
        }
        // A guest's token names no identity whose requests could be counted.
        guard principal.kind != .anonymous else {
            try require(limiter.admit(address, to: method.anonymousLimit), exchange)
            return GatewayCaller(address: address)
        }
        try require(limiter.admit(principal, to: method.identityLimit), exchange)
        return GatewayCaller(principal)
    }

    /// Counts a request that no service gets for its address, whatever its token is.
    ///
    /// - Throws: `Fault` with `resourceExhausted` and the reason `rateLimited` when the address has sent too many.
    func admitUnrouted(_ exchange: Exchange) throws(Fault) {
        let address = addresses.address(of: exchange.request.headers, peer: exchange.peer)
        try require(limiter.admit(address, to: .unroutedRequests), exchange)
    }

    /// Writes a decision into the response, and throws when it is a refusal.
    private func require(_ decision: LimitDecision?, _ exchange: Exchange) throws(Fault) {
        state(decision, exchange)
        try decision?.requireAccepted()
    }

    private func state(_ decision: LimitDecision?, _ exchange: Exchange) {
        guard let decision else { return }
        exchange.added.set(RESTHeaders.rateLimitPolicy, decision.policyField)
        exchange.added.set(RESTHeaders.rateLimit, decision.limitField)
    }
}
