import MartletContract
import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake payments service in memory; repeats are idempotent, as the contract requires.
///
/// The method `declined` is declined.
final class FakePayments: PaymentsHandling {
    enum Status: String { case authorised, captured, voided, declined }

    private struct State {
        var payments: [String: (amount: Int64, status: Status)] = [:]
        /// By `payment/refund`.
        var refunds: [String: Int64] = [:]
    }

    let script = Script()
    var client: PaymentsClient { PaymentsClient(over: InProcessChannel(.payments(self, on: NoPlatform()))) }
    private let state = Mutex(State())

    var statuses: [String: Status] { state.withLock { $0.payments.mapValues(\.status) } }
    var captured: Int64 {
        state.withLock { $0.payments.values.filter { $0.status == .captured }.reduce(0) { $0 + $1.amount } }
    }
    var refunded: Int64 { state.withLock { $0.refunds.values.reduce(0, +) } }

    /// The whole state in one line.
    var description: String {
        state.withLock { state in
            let payments = state.payments.sorted { $0.key < $1.key }
                .map { "\($0.key) \($0.value.amount) \($0.value.status.rawValue)" }
            return "\(payments) \(state.refunds.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })"
        }
    }

    func authorise(_ request: AuthoriseRequest, _ call: Call) async throws -> AuthoriseResponse {
        try await script.perform("authorise") {
            try state.withLock { state in
                switch state.payments[request.paymentID]?.status {
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

    func capture(_ request: CaptureRequest, _ call: Call) async throws -> CaptureResponse {
        try await script.perform("capture") {
            let amount = try state.withLock { state in
                guard let payment = state.payments[request.paymentID],
                    [.authorised, .captured].contains(payment.status)
                else { throw Fault(.failedPrecondition, "payments.not_authorised", "not authorised") }
                state.payments[request.paymentID]?.status = .captured
                return payment.amount
            }
            return .with { $0.captured = Money(amount, currency: "GBP") }
        }
    }

    func voidPayment(_ request: VoidPaymentRequest, _ call: Call) async throws -> VoidPaymentResponse {
        try await script.perform("void") {
            try state.withLock { state in
                switch state.payments[request.paymentID]?.status {
                case .captured: throw Fault(.failedPrecondition, "payments.already_captured", "captured")
                case .authorised: state.payments[request.paymentID]?.status = .voided
                case nil: state.payments[request.paymentID] = (0, .voided)
                case .voided, .declined: break
                }
            }
            return VoidPaymentResponse()
        }
    }

    func refund(_ request: RefundRequest, _ call: Call) async throws -> RefundResponse {
        try await script.perform("refund") {
            try state.withLock { state in
                let key = "\(request.paymentID)/\(request.refundID)"
                guard state.refunds[key] == nil else { return }
                let prefix = "\(request.paymentID)/"
                let before = state.refunds.filter { $0.key.hasPrefix(prefix) }.values.reduce(0, +)
                guard let payment = state.payments[request.paymentID], payment.status == .captured,
                    before + request.amount.minorUnits <= payment.amount
                else { throw Fault(.failedPrecondition, "payments.refund_exceeds_capture", "too much") }
                state.refunds[key] = request.amount.minorUnits
            }
            return RefundResponse()
        }
    }

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by orders") }

    func getPayment(_: GetPaymentRequest, _ call: Call) async throws -> GetPaymentResponse { throw notCalled() }
    func getTrialBalance(_: GetTrialBalanceRequest, _ call: Call) async throws -> GetTrialBalanceResponse {
        throw notCalled()
    }
    func reconcile(_: ReconcileRequest, _ call: Call) async throws -> ReconcileResponse { throw notCalled() }
    func listDisagreements(_: ListDisagreementsRequest, _ call: Call) async throws -> ListDisagreementsResponse {
        throw notCalled()
    }
    func checkPayment(_: CheckPaymentRequest, _ call: Call) async throws -> CheckPaymentResponse { throw notCalled() }
}
