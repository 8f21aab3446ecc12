"""Addresses of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from placements.api import addresses, audit, databases, people, persons, planes, plans, profiles, runs
from placements.api.schema import Nowhere, Schema

app_name = "api"
urlpatterns = [
    path("me/", people.Me.as_view(), name="me"),
    path("token/", people.TokenApi.as_view(), name="token"),
    path("schema/", Schema.as_view(), name="schema"),
    path("people/", persons.PersonList.as_view(), name="people"),
    path("people/<int:pk>/", persons.PersonOne.as_view(), name="person"),
    path("people/<int:pk>/roles/", persons.PersonRoles.as_view(), name="person-roles"),
    path("people/<int:pk>/deactivate/", persons.PersonDeactivate.as_view(), name="person-deactivate"),
    path("people/<int:pk>/activate/", persons.PersonActivate.as_view(), name="person-activate"),
    path("people/<int:pk>/link/", persons.PersonLink.as_view(), name="person-link"),
    path("teams/", persons.TeamList.as_view(), name="teams"),
    path("teams/<int:pk>/", persons.TeamOne.as_view(), name="team"),
    path("teams/<int:pk>/members/", persons.TeamMembers.as_view(), name="team-members"),
    path("teams/<int:pk>/members/<int:person>/", persons.TeamMember.as_view(), name="team-member"),
    path("planes/", planes.PlaneList.as_view(), name="planes"),
    path("planes/<path:name>/check/", planes.PlaneCheck.as_view(), name="plane-check"),
    path("planes/<path:name>/disable/", planes.PlaneDisable.as_view(), name="plane-disable"),
    path("planes/<path:name>/enable/", planes.PlaneEnable.as_view(), name="plane-enable"),
    path("planes/<path:name>/installer/", planes.PlaneInstaller.as_view(), name="plane-installer"),
    path("planes/<path:name>/", planes.PlaneOne.as_view(), name="plane"),
    path("kubeconfig-drafts/", planes.DraftList.as_view(), name="drafts"),
    path("kubeconfig-drafts/<int:pk>/", planes.DraftOne.as_view(), name="draft"),
    path("kubeconfig-drafts/<int:pk>/choose/", planes.DraftChoose.as_view(), name="draft-choose"),
    path("kubeconfig-drafts/<int:pk>/save/", planes.DraftSave.as_view(), name="draft-save"),
    path("fleet/copy-rbac/", planes.CopyRbac.as_view(), name="copy-rbac"),
    path("profiles/", profiles.ProfileList.as_view(), name="profiles"),
    path("profiles/<slug:name>/", profiles.ProfileOne.as_view(), name="profile"),
    path("placements/", databases.PlacementList.as_view(), name="placements"),
    path("placements/<int:pk>/", databases.PlacementOne.as_view(), name="placement"),
    path("placements/<int:pk>/plan/", databases.PlacementPlan.as_view(), name="placement-plan"),
    path("placements/<int:pk>/approve/", databases.PlacementApprove.as_view(), name="placement-approve"),
    path("placements/<int:pk>/reject/", databases.PlacementReject.as_view(), name="placement-reject"),
    path("placements/<int:pk>/withdraw/", databases.PlacementWithdraw.as_view(), name="placement-withdraw"),
    path("placements/<int:pk>/cancel/", databases.PlacementCancel.as_view(), name="placement-cancel"),
    path("placements/<int:pk>/retire/", databases.PlacementRetire.as_view(), name="placement-retire"),
    path("placements/<int:pk>/hand-over/", databases.PlacementHandOver.as_view(), name="placement-hand-over"),
    path("placements/<int:pk>/repair/", databases.PlacementRepair.as_view(), name="placement-repair"),
    path("placements/<int:pk>/connection/", addresses.ConnectionOne.as_view(), name="connection"),
    path("placements/<int:pk>/addresses/", addresses.AddressesGive.as_view(), name="addresses"),
    path("placements/<int:pk>/addresses/take/", addresses.AddressesTake.as_view(), name="addresses-take"),
    path("placements/<int:pk>/check/", databases.PlacementCheck.as_view(), name="placement-check"),
    path(
        "placements/<int:pk>/plan-again/", databases.PlacementPlanAgain.as_view(), name="placement-plan-again"
    ),
    path("plans/", plans.PlanList.as_view(), name="plans"),
    path("plans/<int:pk>/", plans.PlanOne.as_view(), name="plan"),
    path("plans/<int:pk>/approve/", plans.PlanApprove.as_view(), name="plan-approve"),
    path("plans/<int:pk>/reject/", plans.PlanReject.as_view(), name="plan-reject"),
    path("plans/<int:pk>/withdraw/", plans.PlanWithdraw.as_view(), name="plan-withdraw"),
    path("plans/<int:pk>/go-ahead/", plans.PlanGoAhead.as_view(), name="plan-go-ahead"),
    path("runs/", runs.RunList.as_view(), name="runs"),
    path("runs/<int:pk>/", runs.RunOne.as_view(), name="run"),
    path("runs/<int:pk>/steps/", runs.RunSteps.as_view(), name="run-steps"),
    path("runs/<int:pk>/events/", runs.RunEvents.as_view(), name="run-events"),
    path("runs/<int:pk>/retry/", runs.RunRetry.as_view(), name="run-retry"),
    path("runs/<int:pk>/cancel/", runs.RunCancel.as_view(), name="run-cancel"),
    path("runs/<int:pk>/undo/", plans.RunUndo.as_view(), name="run-undo"),
    path(
        "runs/<int:pk>/steps/<int:position>/check-again/",
        runs.StepCheckAgain.as_view(),
        name="step-check-again",
    ),
    path("audit/", audit.EntryList.as_view(), name="entries"),
    path("audit/<int:seq>/", audit.EntryOne.as_view(), name="entry"),
    path("<path:rest>", Nowhere.as_view(), name="nowhere"),
]
