import MartletCore
import MartletTesting
import PaymentsContract
import ProviderContract
import SwiftProtobuf
import Testing

@testable import Payments

@Suite("Payments over the test provider's contract")
struct TestProviderTests {
    @Test(
        "come to the same end whatever the provider does on the way",
        arguments: [100, 105, 108, 109] as [Int64],
        ["capture", "void"]
    )
    func ends(amount: Int64, end: String) async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        let authorised = await world.persist { try await world.authorise("p1", amount) }
        #expect(authorised == nil)
        if end == "void" {
            #expect(await world.persist { try await world.void() } == nil)
        } else {
            #expect(await world.persist { try await world.capture() } == nil)
            #expect(await world.persist { try await world.refund("r1", 40) } == nil)
            #expect(await world.persist { try await world.refund("r2", amount - 40) } == nil)
        }
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: world.orders)
        #expect(ledger.payments == 1)
        #expect(ledger.authorised == 0)
        #expect(ledger.captured == (end == "void" ? 0 : amount))
        #expect(ledger.refunded == ledger.captured)
        #expect(try await world.balance().balanced)
        #expect(try await world.reconciliation().equal)
    }

    @Test("voided while the outcome was unknown leave nothing set aside", arguments: [105, 108, 109] as [Int64])
    func voided(amount: Int64) async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        _ = await refusal { try await world.authorise("p1", amount) }
        #expect(await world.persist { try await world.void() } == nil)
        let ledger = try await provider.getLedger(GetLedgerRequest(), context: world.orders)
        #expect(ledger.authorised == 0)
        #expect(ledger.captures == 0)
        #expect(await refusal { try await world.authorise("p1", amount) }?.reason == "payments.voided")
    }

    @Test("that are declined, or of a method that does not exist, are refused")
    func declined() async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        let declines = [
            await refusal { try await world.authorise("p1", 102) },
            await refusal { try await world.authorise("p2", 100, method: "pm_test_declined") },
            await refusal { try await world.authorise("p3", 100, method: "pm_card_visa") },
        ]
        #expect(declines.map { $0?.reason } == ["payments.declined", "payments.declined", "payments.declined"])
        #expect(try await provider.getLedger(GetLedgerRequest(), context: world.orders).payments == 0)
        #expect(try await world.balance().declinedPayments == 3)
    }

    @Test("answer that their provider is away, and go on when it is back")
    func away() async throws {
        let world = try await PaymentsWorld(
            TestProvider(client: ProviderClient(over: DeadChannel()), service: PaymentsService.name)
        )
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.code == .unavailable)
        #expect(try await world.payment().status == .authorising)
        #expect(try await world.balance().openPayments == 1)
    }

    @Test(
        "are not taken for declined when somebody on the way refuses, for money may be set aside",
        arguments: [
            (.unauthenticated, .unauthenticated), (.permissionDenied, .forbidden), (.notFound, .notFound),
            (.invalidArgument, "provider.key_reused"),
        ] as [(FaultCode, Reason)]
    )
    func refusedOnTheWay(code: FaultCode, reason: Reason) async throws {
        let channel = DeadChannel(Fault(code, reason, "no"))
        let world = try await PaymentsWorld(
            TestProvider(client: ProviderClient(over: channel), service: PaymentsService.name)
        )
        for _ in 1...2 {
            let fault = await refusal { try await world.authorise() }
            #expect(fault?.code.outcome == .unknown)
            #expect(try await world.payment().status == .authorising)
        }
    }

    @Test("are added up and compared currency by currency")
    func currencies() async throws {
        let (world, provider) = try await PaymentsWorld.withTestProvider()
        for (id, amount, currency) in [("p1", 100, "GBP"), ("p2", 7_000, "JPY"), ("p3", 30, "GBP")]
            as [(String, Int64, String)]
        {
            try await world.authorise(id, amount, currency: currency)
            try await world.capture(id)
        }
        try await world.refund("r1", 6_000, of: "p2", currency: "JPY")
        try await world.void("never asked for")
        let balance = try await world.balance()
        #expect(balance.balanced)
        #expect(balance.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(balance.sums.map(\.debits) == [130, 13_000])
        #expect(balance.sums.map(\.credits) == [130, 13_000])
        // No number stands for pounds and yen together.
        #expect([balance.debits, balance.credits] == [0, 0])

        let compared = try await world.reconciliation()
        #expect(compared.equal)
        #expect(compared.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(compared.sums.map(\.ourCaptured) == [130, 7_000])
        #expect(compared.sums.map(\.providerCaptured) == [130, 7_000])
        #expect(compared.sums.map(\.ourRefunded) == [0, 6_000])
        #expect(compared.sums.map(\.providerRefunded) == [0, 6_000])
        #expect([compared.ourCaptured, compared.providerCaptured] == [0, 0])

        // What the provider took in one currency does not make up for what we think it took in another.
        let orders = CallContext(principal: world.orders.principal, idempotencyKey: "behind our back")
        let stray = CreatePaymentRequest.with {
            $0.reference = "p4"
            $0.currency = "EUR"
            $0.amount = 5
            $0.paymentMethod = "pm_test_ok"
        }
        let id = try await provider.createPayment(stray, context: orders).payment.providerID
        _ = try await provider.capturePayment(
            .with { $0.providerID = id },
            context: CallContext(principal: world.orders.principal, idempotencyKey: "again")
        )
        #expect(try await world.reconciliation().equal == false)
    }
}
