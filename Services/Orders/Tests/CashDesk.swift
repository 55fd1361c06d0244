import MartletCore
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Synchronization

/// Payments in a dictionary that keeps the contract's promises about repeats.
///
/// The method `declined` is declined.
final class CashDesk: PaymentsCalls {
    enum Standing: String { case authorised, captured, voided, declined }

    private struct State {
        var payments: [String: (amount: Int64, standing: Standing)] = [:]
        /// By `payment/refund`.
        var refunds: [String: Int64] = [:]
    }

    let script = Script()
    private let state = Mutex(State())

    var standings: [String: Standing] { state.withLock { $0.payments.mapValues(\.standing) } }
    var captured: Int64 {
        state.withLock { $0.payments.values.filter { $0.standing == .captured }.reduce(0) { $0 + $1.amount } }
    }
    var refunded: Int64 { state.withLock { $0.refunds.values.reduce(0, +) } }

    /// Everything, in one line that is equal when the state is equal.
    var description: String {
        state.withLock { state in
            let payments = state.payments.sorted { $0.key < $1.key }
                .map { "\($0.key) \($0.value.amount) \($0.value.standing.rawValue)" }
            return "\(payments) \(state.refunds.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })"
        }
    }

    func authorise(_ request: AuthoriseRequest, context: CallContext) async throws -> AuthoriseResponse {
        try await script.play("authorise") {
            try state.withLock { state in
                switch state.payments[request.paymentID]?.standing {
                case .authorised, .captured: return
                case .voided: throw Fault(.failedPrecondition, "payments.voided", "voided")
                case .declined, nil: break
                }
                let isDeclined = request.paymentMethod == "declined"
                state.payments[request.paymentID] = (request.amount.minorUnits, isDeclined ? .declined : .authorised)
                if isDeclined { throw Fault(.failedPrecondition, "payments.declined", "declined") }
            }
            return AuthoriseResponse()
        }
    }

    func capture(_ request: CaptureRequest, context: CallContext) async throws -> CaptureResponse {
        try await script.play("capture") {
            let amount = try state.withLock { state in
                guard let payment = state.payments[request.paymentID],
                    [.authorised, .captured].contains(payment.standing)
                else { throw Fault(.failedPrecondition, "payments.not_authorised", "not authorised") }
                state.payments[request.paymentID]?.standing = .captured
                return payment.amount
            }
            return .with { $0.captured = Money(amount, currency: "GBP") }
        }
    }

    func voidPayment(_ request: VoidPaymentRequest, context: CallContext) async throws -> VoidPaymentResponse {
        try await script.play("void") {
            try state.withLock { state in
                switch state.payments[request.paymentID]?.standing {
                case .captured: throw Fault(.failedPrecondition, "payments.already_captured", "captured")
                case .authorised: state.payments[request.paymentID]?.standing = .voided
                case nil: state.payments[request.paymentID] = (0, .voided)
                case .voided, .declined: break
                }
            }
            return VoidPaymentResponse()
        }
    }

    func refund(_ request: RefundRequest, context: CallContext) async throws -> RefundResponse {
        try await script.play("refund") {
            try state.withLock { state in
                let key = "\(request.paymentID)/\(request.refundID)"
                guard state.refunds[key] == nil else { return }
                let prefix = "\(request.paymentID)/"
                let before = state.refunds.filter { $0.key.hasPrefix(prefix) }.values.reduce(0, +)
                guard let payment = state.payments[request.paymentID], payment.standing == .captured,
                    before + request.amount.minorUnits <= payment.amount
                else { throw Fault(.failedPrecondition, "payments.refund_exceeds_capture", "too much") }
                state.refunds[key] = request.amount.minorUnits
            }
            return RefundResponse()
        }
    }

    private func never() -> Fault { Fault(.unimplemented, .internal, "orders never ask this") }

    func getPayment(_: GetPaymentRequest, context: CallContext) async throws -> GetPaymentResponse { throw never() }
    func getTrialBalance(_: GetTrialBalanceRequest, context: CallContext) async throws -> GetTrialBalanceResponse {
        throw never()
    }
    func reconcile(_: ReconcileRequest, context: CallContext) async throws -> ReconcileResponse { throw never() }
}
