"""TEMP."""
import streamlit as st
def audit_page() -> None:
    """Draw."""
    st.title("audit")
