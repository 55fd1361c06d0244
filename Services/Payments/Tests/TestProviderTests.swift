import MartletCore
import MartletTesting
import PaymentsContract
import ProviderContract
import SwiftProtobuf
import Testing

@testable import Payments

@Suite("Payments with the test provider")
struct TestProviderTests {
    @Test(
        "a payment reaches its final state whatever fault the provider has",
        arguments: [100, 105, 108, 109] as [Int64],
        ["capture", "void"]
    )
    func finalState(amount: Int64, end: String) async throws {
        let (fixture, provider) = try await PaymentsFixture.withTestProvider()
        let authorised = await fixture.retry { try await fixture.authorise("p1", amount) }
        #expect(authorised == nil)
        if end == "void" {
            #expect(await fixture.retry { try await fixture.void() } == nil)
        } else {
            #expect(await fixture.retry { try await fixture.capture() } == nil)
            #expect(await fixture.retry { try await fixture.refund("r1", 40) } == nil)
            #expect(await fixture.retry { try await fixture.refund("r2", amount - 40) } == nil)
        }
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: fixture.payments)
        #expect(ledger.payments == 1)
        #expect(ledger.authorised == 0)
        #expect(ledger.captured == (end == "void" ? 0 : amount))
        #expect(ledger.refunded == ledger.captured)
        #expect(try await fixture.balance().balanced)
        #expect(try await fixture.reconciliation().equal)
    }

    @Test("a void with an unknown authorisation leaves no money authorised", arguments: [105, 108, 109] as [Int64])
    func voided(amount: Int64) async throws {
        let (fixture, provider) = try await PaymentsFixture.withTestProvider()
        _ = await refusal { try await fixture.authorise("p1", amount) }
        #expect(await fixture.retry { try await fixture.void() } == nil)
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: fixture.payments)
        #expect(ledger.authorised == 0)
        #expect(ledger.captures == 0)
        #expect(await refusal { try await fixture.authorise("p1", amount) }?.reason == "payments.voided")
    }

    @Test("a decline and an unknown payment method are refused")
    func declined() async throws {
        let (fixture, provider) = try await PaymentsFixture.withTestProvider()
        let declines = [
            await refusal { try await fixture.authorise("p1", 102) },
            await refusal { try await fixture.authorise("p2", 100, method: "pm_test_declined") },
            await refusal { try await fixture.authorise("p3", 100, method: "pm_card_visa") },
        ]
        #expect(declines.map { $0?.reason } == ["payments.declined", "payments.declined", "payments.declined"])
        #expect(try await provider.getLedger(GetLedgerRequest(), context: fixture.payments).payments == 0)
        #expect(try await fixture.balance().declinedPayments == 3)
    }

    @Test("unavailable provider: the call is unavailable and the payment stays open")
    func unavailable() async throws {
        let fixture = try await PaymentsFixture(
            TestProvider(client: ProviderClient(over: UnreachableChannel()))
        )
        let fault = await refusal { try await fixture.authorise() }
        #expect(fault?.code == .unavailable)
        #expect(try await fixture.payment().status == .authorising)
        #expect(try await fixture.balance().openPayments == 1)
    }

    @Test(
        "a refusal that is not the provider's decision leaves the outcome unknown",
        arguments: [
            (.unauthenticated, .unauthenticated), (.permissionDenied, .forbidden), (.notFound, .notFound),
            (.invalidArgument, "provider.key_reused"),
        ] as [(FaultCode, Reason)]
    )
    func refusedElsewhere(code: FaultCode, reason: Reason) async throws {
        let channel = UnreachableChannel(Fault(code, reason, "no"))
        let fixture = try await PaymentsFixture(
            TestProvider(client: ProviderClient(over: channel))
        )
        for _ in 1...2 {
            let fault = await refusal { try await fixture.authorise() }
            #expect(fault?.code.outcome == .unknown)
            #expect(try await fixture.payment().status == .authorising)
        }
    }

    @Test(
        "a payment with a status that this program does not have leaves the outcome unknown",
        arguments: [.unspecified, .UNRECOGNIZED(99)] as [ProviderPaymentStatus]
    )
    func unknownStatus(status: ProviderPaymentStatus) async throws {
        let fixture = try await PaymentsFixture(
            TestProvider(client: FixedStatusProvider(status: status))
        )
        for _ in 1...2 {
            let fault = await refusal { try await fixture.authorise() }
            #expect(fault?.code.outcome == .unknown)
            #expect(try await fixture.payment().status == .authorising)
        }
        // An expired key is resolved by a look-up.
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        #expect(await refusal { try await fixture.authorise() }?.code.outcome == .unknown)
        #expect(try await fixture.payment().status == .authorising)
    }

    @Test("the trial balance and the reconciliation are by currency")
    func currencies() async throws {
        let (fixture, provider) = try await PaymentsFixture.withTestProvider()
        for (id, amount, currency) in [("p1", 100, "GBP"), ("p2", 7_000, "JPY"), ("p3", 30, "GBP")]
            as [(String, Int64, String)]
        {
            try await fixture.authorise(id, amount, currency: currency)
            try await fixture.capture(id)
        }
        try await fixture.refund("r1", 6_000, of: "p2", currency: "JPY")
        try await fixture.void("unknown")
        let balance = try await fixture.balance()
        #expect(balance.balanced)
        #expect(balance.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(balance.sums.map(\.debits) == [130, 13_000])
        #expect(balance.sums.map(\.credits) == [130, 13_000])
        // Amounts of different currencies are not added.
        #expect([balance.debits, balance.credits] == [0, 0])

        let compared = try await fixture.reconciliation()
        #expect(compared.equal)
        #expect(compared.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(compared.sums.map(\.ourCaptured) == [130, 7_000])
        #expect(compared.sums.map(\.providerCaptured) == [130, 7_000])
        #expect(compared.sums.map(\.ourRefunded) == [0, 6_000])
        #expect(compared.sums.map(\.providerRefunded) == [0, 6_000])
        #expect([compared.ourCaptured, compared.providerCaptured] == [0, 0])

        // A surplus in one currency does not offset a deficit in another.
        let payments = CallContext(principal: fixture.payments.principal, idempotencyKey: "stray")
        let stray = CreatePaymentRequest.with {
            $0.reference = "p4"
            $0.currency = "EUR"
            $0.amount = 5
            $0.paymentMethod = "pm_test_ok"
        }
        let id = try await provider.createPayment(stray, context: payments).payment.providerID
        _ = try await provider.capturePayment(
            .with { $0.providerID = id },
            context: CallContext(principal: fixture.payments.principal, idempotencyKey: "again")
        )
        #expect(try await fixture.reconciliation().equal == false)
    }
}

/// A provider all of whose payments have one status.
private struct FixedStatusProvider: ProviderCalls {
    let status: ProviderPaymentStatus

    private var payment: ProviderPayment {
        .with {
            $0.providerID = "pp1"
            $0.status = status
        }
    }

    func createPayment(_ request: CreatePaymentRequest, context: CallContext) async throws -> CreatePaymentResponse {
        .with { $0.payment = payment }
    }

    func capturePayment(_ request: CapturePaymentRequest, context: CallContext) async throws -> CapturePaymentResponse {
        .with { $0.payment = payment }
    }

    func cancelPayment(_ request: CancelPaymentRequest, context: CallContext) async throws -> CancelPaymentResponse {
        .with { $0.payment = payment }
    }

    func createRefund(_ request: CreateRefundRequest, context: CallContext) async throws -> CreateRefundResponse {
        .with { $0.payment = payment }
    }

    func findPayments(_ request: FindPaymentsRequest, context: CallContext) async throws -> FindPaymentsResponse {
        .with { $0.payments = [payment] }
    }

    func getLedger(_ request: GetLedgerRequest, context: CallContext) async throws -> GetLedgerResponse {
        GetLedgerResponse()
    }
}
