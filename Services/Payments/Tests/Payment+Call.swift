import MartletCore
import Testing

@testable import Payments

extension Payment {
    /// Begins a step that makes a call.
    mutating func call(for step: PaymentStep, at now: Timestamp) throws -> ProviderRequest {
        let request = try begin(step, at: now)
        return try #require(request)
    }
}
